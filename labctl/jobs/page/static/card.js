// One job on the page. Whatever comes from a job is put there as text, never as markup.

const MARKS = { queued: "○", running: "●", done: "✓", failed: "✗", cancelled: "–" };
const KEPT = 200;

export class Card {
  constructor(job, cancel) {
    const copy = document.getElementById("job").content.cloneNode(true);
    this.item = copy.querySelector(".job");
    this.id = job.job_id;
    this.count = 0;
    this.last = -1;
    this.find(".kind").textContent = job.kind;
    this.find(".id").textContent = job.job_id.slice(0, 8);
    this.find(".id").title = job.job_id;
    this.find(".when").textContent = new Date(job.created_ms).toLocaleTimeString();
    const button = this.find(".cancel");
    button.setAttribute("aria-label", `Cancel ${this.name}`);
    button.addEventListener("click", () => cancel(this));
    this.find("progress").setAttribute("aria-label", `Progress of ${this.name}`);
    this.update(job);
  }

  get name() {
    return `${this.find(".kind").textContent} ${this.find(".id").textContent}`;
  }

  get active() {
    return this.status === "queued" || this.status === "running";
  }

  find(selector) {
    return this.item.querySelector(selector);
  }

  update(job) {
    this.setStatus(job.status);
    if (job.error) this.find(".note").textContent = job.error;
  }

  setStatus(status) {
    this.status = status;
    this.item.dataset.status = status;
    this.find(".status").textContent = `${MARKS[status] ?? ""} ${status}`;
    this.find(".cancel").hidden = !this.active;
    if (status === "done") this.find("progress").value = 100;
  }

  show(event) {
    if (event.type === "started" || event.type === "progress") this.setStatus("running");
    else if (event.type in MARKS) this.setStatus(event.type);
    const { step, steps, percent } = event.data;
    if (Number.isFinite(percent)) this.find("progress").value = percent;
    if (Number.isInteger(step) && Number.isInteger(steps)) {
      this.find(".note").textContent = `Step ${step + 1} of ${steps}`;
    }
    if (event.type === "done") this.find(".note").textContent = "All done";
    const why = event.data.error ?? event.data.why ?? event.data.message;
    if (typeof why === "string") this.find(".note").textContent = why;
    this.log(event);
  }

  log(event) {
    const row = document.createElement("li");
    for (const text of [event.id < 0 ? "" : String(event.id), event.type, summary(event.data)]) {
      const part = document.createElement("span");
      part.textContent = text;
      row.append(part);
    }
    const list = this.find(".events");
    list.append(row);
    if (list.children.length > KEPT) list.firstElementChild.remove();
    this.count += 1;
    this.find(".count").textContent = `(${this.count})`;
    this.find("details").hidden = false;
  }
}

function summary(data) {
  return Object.entries(data)
    .map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join(", ");
}
