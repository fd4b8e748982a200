// The stream of one job. An EventSource connects again by itself after a cut connection, and gives up for ever after
// any answer but 200: then this asks what the job is, waits, and opens another one from the last id.

const ENDS = new Set(["done", "failed", "cancelled"]);
const TYPES = ["started", "progress", "done", "failed", "cancelled", "message"];
const FIRST_MS = 1000;
const LONGEST_MS = 20000;

export class JobStream {
  // heard(event): {id, type, data}, each once. changed(state): "connecting", "live", "lost". ended(): nothing follows.
  // ask(): resolves to the job's status, "gone" when it is not there any more, "" when nobody knows.
  // last: the id of the last event that is known already, -1 for none.
  constructor(url, last, { heard, changed, ended, ask }) {
    this.url = url;
    this.last = last;
    this.failures = 0;
    this.told = { heard, changed, ended, ask };
    this.source = null;
    this.timer = 0;
    this.closed = false;
    this.open();
  }

  open() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.closed) return;
    const url = this.last < 0 ? this.url : `${this.url}?last_event_id=${this.last}`;
    const source = new EventSource(url, { withCredentials: true });
    this.source = source;
    source.onopen = () => {
      this.failures = 0;
      this.told.changed("live");
    };
    source.onerror = () => {
      if (source !== this.source) return;
      this.told.changed("lost");
      if (source.readyState === EventSource.CLOSED) this.again();
    };
    for (const type of TYPES) source.addEventListener(type, (event) => this.hear(event));
  }

  hear(event) {
    if (event.target !== this.source) return;
    const id = /^\d+$/.test(event.lastEventId) ? Number(event.lastEventId) : -1;
    // The end of a cancelled job stands in no store and has no id: the browser tells the one of the event before.
    const unstored = ENDS.has(event.type) && id <= this.last;
    if (!unstored && id >= 0) {
      if (id <= this.last) return;
      this.last = id;
    }
    let data = {};
    try {
      data = JSON.parse(event.data);
    } catch {
      // Shown without what it says.
    }
    this.told.heard({ id: unstored ? -1 : id, type: event.type, data });
    if (ENDS.has(event.type)) this.end();
  }

  async again() {
    this.source = null;
    const status = await this.told.ask();
    if (this.closed || this.source !== null || this.timer) return;
    if (ENDS.has(status) || status === "gone") {
      this.end();
      return;
    }
    // The browser does not show Retry-After of a stream. Half of the wait is chance: not everybody at once.
    const wait = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.failures);
    this.failures += 1;
    this.timer = setTimeout(() => this.open(), wait / 2 + (Math.random() * wait) / 2);
  }

  hurry() {
    if (this.timer) this.open();
  }

  end() {
    this.close();
    this.told.ended();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.source !== null) this.source.close();
    this.source = null;
  }
}
