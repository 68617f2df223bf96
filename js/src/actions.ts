/**
 * Pause, Cancel and Detach work while the cell waits, and say so when they cannot. A run that has
 * ended early goes on with Continue and Retry failed.
 */

import type { Channel } from "./channel.ts";
import { el, setAttribute, setText } from "./dom.ts";
import type { Ask, Command, Policy, Scope, Snapshot } from "./protocol.ts";

const NO_DETACH =
  "Nothing to detach: the run is in the background already, or what waits for it needs its values";
const UNREACHABLE =
  "This kernel cannot hear buttons while a cell runs: ■ stops the run, %%parallel --bg keeps buttons alive.";

export class Actions {
  readonly element = el("div", "jpar-actions", { role: "group", "aria-label": "Run" });
  readonly #pause = button("Pause");
  readonly #cancel = button("Cancel", "Stop now; finished results are kept");
  readonly #more = button("▾", "Other ways to cancel");
  readonly #menu = el("div", "jpar-menu", { role: "menu", hidden: true });
  readonly #later = button("After the running items", "Start no more items; those running may end");
  readonly #detach = button("Detach");
  readonly #again: Record<"continue" | "retry", HTMLButtonElement> = {
    continue: button("Continue", "Run the items that have no value yet"),
    retry: button("Retry failed", "Run the failed items again, in place"),
  };
  readonly #help = el("span", "jpar-muted jpar-unreachable", {}, UNREACHABLE);
  readonly #channel: Channel;
  readonly #failed: (error: string) => void;
  /** A command that was clicked and has not shown its effect yet; cancelling takes its time. */
  #pending: Command | null = null;
  #cancelled: Policy | "" = "";
  #can = new Set<Command>();
  /** Continue or Retry was clicked in this round, and the run does not go on yet. */
  #starting = false;
  #round = 0;

  constructor(channel: Channel, failed: (error: string) => void, signal: AbortSignal) {
    this.#channel = channel;
    this.#failed = failed;
    this.#later.className = "jpar-menu-item";
    setAttribute(this.#later, "role", "menuitem");
    setAttribute(this.#more, "aria-haspopup", "menu");
    this.#more.classList.add("jpar-more");
    this.#menu.append(this.#later);
    const split = el("span", "jpar-split", {}, this.#cancel, this.#more, this.#menu);
    const again = Object.values(this.#again);
    this.element.append(this.#pause, split, this.#detach, ...again, this.#help);
    this.#listen(signal);
  }

  update(snapshot: Snapshot, reach: boolean): void {
    this.#can = new Set(snapshot.can);
    if (this.#pending && this.#pending !== "cancel" && !this.#can.has(this.#pending))
      this.#pending = null;
    const waiting = this.#can.has("detach");
    const usable = !snapshot.ended && (reach || !waiting);
    for (const element of [this.#pause, this.#cancel.parentElement!, this.#detach]) {
      element.hidden = !usable;
    }
    this.#help.hidden = snapshot.ended || usable;
    for (const [command, element] of Object.entries(this.#again)) {
      element.hidden = !snapshot.ended || !this.#can.has(command as Command);
    }
    if (snapshot.ended) this.#cancelled = "";
    if (snapshot.round !== this.#round) this.#starting = false;
    this.#round = snapshot.round;
    if (!usable) this.#close();
    this.#label();
  }

  #label(): void {
    const cancelling = this.#cancelled === "all";
    setText(this.#pause, this.#can.has("resume") ? "Resume" : "Pause");
    this.#pause.disabled = cancelling || this.#pending === "pause" || this.#pending === "resume";
    // Who chose to wait for the running items may still lose patience.
    setText(
      this.#cancel,
      { all: "Cancelling…", pending: "Stop now", "": "Cancel" }[this.#cancelled],
    );
    this.#cancel.disabled = cancelling;
    for (const element of Object.values(this.#again)) element.disabled = this.#starting;
    this.#more.hidden = this.#cancelled !== "";
    this.#detach.disabled = cancelling || !this.#can.has("detach");
    setAttribute(
      this.#detach,
      "title",
      this.#can.has("detach") ? "End the cell; the run goes on in the background" : NO_DETACH,
    );
    setAttribute(this.#more, "aria-expanded", String(!this.#menu.hidden));
  }

  #listen(signal: AbortSignal): void {
    const on = (target: HTMLElement, act: () => void): void =>
      target.addEventListener("click", act, { signal });
    on(this.#pause, () =>
      this.#send(this.#can.has("resume") ? { kind: "resume" } : { kind: "pause" }),
    );
    on(this.#cancel, () => this.#send({ kind: "cancel", policy: "all" }));
    on(this.#later, () => this.#send({ kind: "cancel", policy: "pending" }));
    on(this.#detach, () => this.#send({ kind: "detach" }));
    on(this.#again.continue, () => this.#start("all"));
    on(this.#again.retry, () => this.#start("failed"));
    on(this.#more, () => (this.#menu.hidden ? this.#open() : this.#close()));
    this.element.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.element.addEventListener(
      "focusout",
      (event) => {
        if (!this.#menu.parentElement!.contains(event.relatedTarget as Node | null)) this.#close();
      },
      { signal },
    );
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== "Escape" || this.#menu.hidden) return;
    event.stopPropagation();
    this.#close();
    this.#more.focus();
  }

  #open(): void {
    this.#menu.hidden = false;
    this.#later.focus();
    this.#label();
  }

  #close(): void {
    this.#menu.hidden = true;
    this.#label();
  }

  #start(scope: Scope): void {
    this.#starting = true;
    this.#label();
    this.#channel.ask({ kind: "retry", scope, index: 0 }).catch((error: Error) => {
      this.#starting = false;
      this.#label();
      this.#failed(error.message);
    });
  }

  #send(ask: Ask & { kind: Command }): void {
    if (ask.kind === "cancel") this.#cancelled = ask.policy;
    else this.#pending = ask.kind;
    this.#close();
    this.#channel.ask(ask).catch((error: Error) => {
      this.#pending = null;
      this.#cancelled = "";
      this.#label();
      this.#failed(error.message);
    });
  }
}

function button(text: string, title = ""): HTMLButtonElement {
  return el("button", "jpar-button", { type: "button", title }, text);
}
