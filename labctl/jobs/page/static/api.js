// Requests to the API. An Answer has ok, status, body and wait, the milliseconds after which to ask again.

export async function ask(method, path, body, headers = {}) {
  const options = { method, headers: { Accept: "application/json", ...headers }, credentials: "same-origin" };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  try {
    const response = await fetch(path, { ...options, signal: AbortSignal.timeout(15000) });
    if (response.status === 401) {
      location.assign("/login");
    }
    const told = await response.json().catch(() => ({}));
    const seconds = Number(response.headers.get("Retry-After")) || 0;
    return { ok: response.ok, status: response.status, body: told, wait: told.retry_after_ms || seconds * 1000 };
  } catch {
    return { ok: false, status: 0, body: {}, wait: 0 };
  }
}

// crypto.randomUUID() is only there for pages of a secure origin.
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
