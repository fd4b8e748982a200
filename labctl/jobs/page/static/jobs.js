// The page: submits, lists and cancels, and follows the newest active jobs. A browser has six connections to a server
// over HTTP/1.1, all its tabs together: a few jobs are followed, the others asked about now and then.

import { ask, newKey } from "./api.js";
import { Card } from "./card.js";
import { JobStream } from "./stream.js";

const FOLLOWED = 3;
const LOOK_MS = 3000;
const HIDDEN_MS = 20000;

const list = document.getElementById("jobs");
const form = document.getElementById("submit");
const cards = new Map();
const streams = new Map();
const states = new Map();
let key = newKey();
let reached = true;
let asking = false;
let hidden = false;
let looking = 0;

function showConnection() {
  const box = document.getElementById("connection");
  const all = [...states.values()];
  let state = "idle";
  let text = "Nothing to follow";
  if (!reached || all.includes("lost")) {
    state = "lost";
    text = "Connection lost, trying again";
  } else if (all.includes("live")) {
    state = "live";
    text = "Live";
  } else if (all.length) {
    text = "Connecting";
  }
  if (box.dataset.state !== state || box.textContent !== text) {
    box.dataset.state = state;
    box.textContent = text;
  }
}

function say(text, kind = "") {
  const said = document.getElementById("said");
  said.dataset.kind = kind;
  said.textContent = text;
}

function announce(text) {
  document.getElementById("announced").textContent = text;
}

async function statusOf(id) {
  const answer = await ask("GET", `/api/jobs/${encodeURIComponent(id)}`);
  if (answer.status === 404) return "gone";
  if (!answer.ok) return "";
  cards.get(id)?.update(answer.body);
  return answer.body.status;
}

function follow() {
  for (const card of [...cards.values()].reverse()) {
    if (hidden || streams.size >= FOLLOWED) return;
    if (!card.active || streams.has(card.id)) continue;
    states.set(card.id, "connecting");
    const stream = new JobStream(`/api/jobs/${encodeURIComponent(card.id)}/stream`, card.last, {
      heard: (event) => hear(card, event),
      changed: (state) => {
        states.set(card.id, state);
        showConnection();
      },
      ended: () => over(card),
      ask: () => statusOf(card.id),
    });
    streams.set(card.id, stream);
  }
  showConnection();
}

function hear(card, event) {
  if (event.id >= 0) card.last = event.id;
  card.show(event);
}

function over(card) {
  streams.delete(card.id);
  states.delete(card.id);
  announce(`${card.name}: ${card.status}`);
  refresh();
}

function add(job) {
  if (cards.has(job.job_id)) {
    cards.get(job.job_id).update(job);
    return;
  }
  const card = new Card(job, cancel);
  cards.set(job.job_id, card);
  list.prepend(card.item);
}

async function refresh() {
  if (asking) return;
  asking = true;
  clearTimeout(looking);
  const answer = await ask("GET", "/api/jobs");
  asking = false;
  reached = answer.ok;
  if (answer.ok) {
    const jobs = answer.body.jobs.toSorted((a, b) => a.created_ms - b.created_ms);
    const there = new Set(jobs.map((job) => job.job_id));
    for (const job of jobs) add(job);
    for (const [id, card] of cards) {
      if (there.has(id) || streams.has(id)) continue;
      card.item.remove();
      cards.delete(id);
    }
    const empty = document.getElementById("empty");
    empty.textContent = "There are none yet.";
    empty.hidden = cards.size > 0;
  }
  follow();
  const unfollowed = [...cards.values()].some((card) => card.active && !streams.has(card.id));
  if (!answer.ok || unfollowed) looking = setTimeout(refresh, LOOK_MS * (0.75 + Math.random() / 2));
}

async function cancel(card) {
  const button = card.find(".cancel");
  button.disabled = true;
  const answer = await ask("DELETE", `/api/jobs/${encodeURIComponent(card.id)}`);
  button.disabled = false;
  if (answer.ok || answer.status === 409) {
    await statusOf(card.id);
    announce(`${card.name}: ${card.status}`);
  } else {
    say(answer.body.message ?? "The server does not answer. The job was perhaps not cancelled.", "bad");
  }
}

form.addEventListener("input", () => {
  key = newKey();
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  const given = { steps: Number(form.elements.steps.value), step_s: Number(form.elements.step_s.value) };
  if (form.elements.fail_at.value !== "") given.fail_at = Number(form.elements.fail_at.value);
  button.disabled = true;
  const answer = await ask("POST", "/api/jobs", { kind: "report", input: given }, { "Idempotency-Key": key });
  button.disabled = false;
  if (answer.ok) {
    key = newKey();
    say(`Accepted: ${answer.body.job_id.slice(0, 8)}.`);
    await refresh();
  } else if (answer.status === 0) {
    say("The server does not answer. Submit again: a job that was accepted is not made twice.", "bad");
  } else {
    const later = answer.wait ? ` Try again in ${Math.ceil(answer.wait / 1000)} s.` : "";
    say(`${answer.body.message ?? `The server answered ${answer.status}.`}${later}`, "bad");
  }
});

window.addEventListener("online", () => {
  for (const stream of streams.values()) stream.hurry();
  refresh();
});

// A tab that nobody looks at gives its connections to the others after a while.
let pausing = 0;
document.addEventListener("visibilitychange", () => {
  clearTimeout(pausing);
  if (document.visibilityState === "hidden") {
    pausing = setTimeout(() => {
      hidden = true;
      for (const stream of streams.values()) stream.close();
      streams.clear();
      states.clear();
      showConnection();
    }, HIDDEN_MS);
  } else if (hidden) {
    hidden = false;
    refresh();
  }
});

refresh();
