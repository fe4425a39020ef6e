/** The keys of the page. The listener and the help both read the table below. */
import { useEffect, useRef, useState } from "preact/hooks";

type Where = "everywhere" | "lists" | "runs" | "run" | "waterfall" | "compare";

interface Key {
  /** Values of `KeyboardEvent.key`; the first is shown in the help. */
  readonly keys: readonly string[];
  readonly where: Where;
  readonly action: string;
  readonly does: string;
}

const KEYS = [
  { keys: ["?"], where: "everywhere", action: "help", does: "show or hide this help" },
  { keys: ["/"], where: "everywhere", action: "search", does: "go to the text filter" },
  { keys: ["Escape"], where: "everywhere", action: "back", does: "close, or go back" },
  { keys: ["g"], where: "everywhere", action: "runs", does: "go to the list of runs" },
  { keys: ["j", "ArrowDown"], where: "lists", action: "next", does: "next row" },
  { keys: ["k", "ArrowUp"], where: "lists", action: "previous", does: "previous row" },
  { keys: ["PageDown"], where: "lists", action: "pageDown", does: "one page down" },
  { keys: ["PageUp"], where: "lists", action: "pageUp", does: "one page up" },
  { keys: ["Home"], where: "lists", action: "first", does: "first row" },
  { keys: ["End"], where: "lists", action: "last", does: "last row" },
  { keys: ["Enter"], where: "lists", action: "open", does: "open the row" },
  { keys: ["x"], where: "runs", action: "mark", does: "mark the run for a comparison" },
  { keys: ["c"], where: "runs", action: "compare", does: "compare the two marked runs" },
  { keys: ["1"], where: "run", action: "tab1", does: "waterfall" },
  { keys: ["2"], where: "run", action: "tab2", does: "events" },
  { keys: ["3"], where: "run", action: "tab3", does: "denials" },
  { keys: ["4"], where: "run", action: "tab4", does: "budgets" },
  { keys: ["5"], where: "run", action: "tab5", does: "source" },
  { keys: ["6"], where: "run", action: "tab6", does: "what-if" },
  { keys: ["e"], where: "run", action: "event", does: "go to the event of the span" },
  { keys: ["s"], where: "run", action: "source", does: "go to the source line" },
  { keys: ["v"], where: "run", action: "values", does: "show or hide arguments and result" },
  { keys: ["f"], where: "run", action: "follow", does: "follow the end while the run is in progress" },
  { keys: ["+", "="], where: "waterfall", action: "zoomIn", does: "zoom in" },
  { keys: ["-"], where: "waterfall", action: "zoomOut", does: "zoom out" },
  { keys: ["0"], where: "waterfall", action: "zoomAll", does: "show all of the run" },
  { keys: ["z"], where: "waterfall", action: "zoomSpan", does: "zoom to the span" },
  { keys: ["ArrowLeft", "h"], where: "waterfall", action: "left", does: "move left" },
  { keys: ["ArrowRight", "l"], where: "waterfall", action: "right", does: "move right" },
  { keys: ["n"], where: "compare", action: "nextDifference", does: "next difference" },
  { keys: ["p"], where: "compare", action: "previousDifference", does: "previous difference" },
] as const satisfies readonly Key[];

export type Action = (typeof KEYS)[number]["action"];
export type Actions = Partial<Readonly<Record<Action, () => void>>>;

const GROUPS: readonly (readonly [where: Where, title: string])[] = [
  ["everywhere", "Everywhere"],
  ["lists", "In lists"],
  ["runs", "In the list of runs"],
  ["run", "In a run"],
  ["waterfall", "In the waterfall"],
  ["compare", "In a comparison"],
];

/** Handlers of the mounted components, outermost first. The innermost that handles an action gets it. */
const handlers: { actions: Actions }[] = [];

/** Handles these actions while the component is mounted. */
export function useKeys(actions: Actions): void {
  // Registers while rendering, so that a parent comes before its children. Effects would run in the opposite order.
  const [handler] = useState(() => {
    const mounted = { actions };
    handlers.push(mounted);
    return mounted;
  });
  handler.actions = actions;
  useEffect(() => () => void handlers.splice(handlers.indexOf(handler), 1), [handler]);
}

function handlerOf(key: string): (() => void) | undefined {
  const names = KEYS.filter(({ keys }) => keys.some((name) => name === key)).map(({ action }) => action);
  for (const { actions } of handlers.toReversed()) {
    for (const name of names) if (actions[name] !== undefined) return actions[name];
  }
  return undefined;
}

/** Whether the element handles the key itself: a text field takes text, and a button takes Enter. */
function takesKey(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest("input:not([type=checkbox]), textarea, select") !== null) return key !== "Escape";
  return key === "Enter" && target.closest("a, button, input, summary") !== null;
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
  const { target, key } = event;
  if (takesKey(target, key)) return;
  if (key === "Escape" && target instanceof HTMLElement && target.closest("input, textarea, select") !== null) {
    target.blur();
    return;
  }
  const handler = handlerOf(key);
  if (handler === undefined) return;
  event.preventDefault();
  handler();
}

/** Starts listening. Called once. */
export function listenToKeys(): void {
  addEventListener("keydown", onKey);
}

const KEY_LABELS: Readonly<Record<string, string>> = {
  ArrowDown: "↓",
  ArrowUp: "↑",
  ArrowLeft: "←",
  ArrowRight: "→",
  Escape: "Esc",
  PageDown: "Page ↓",
  PageUp: "Page ↑",
};

/** The help, made from the table. */
export function KeyHelp({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  useKeys({ back: onClose, help: onClose });
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={onClose}>
      <header>
        <h2 id="help-title">Keys</h2>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </header>
      <div class="help-groups">
        {GROUPS.map(([where, title]) => (
          <section key={where}>
            <h3>{title}</h3>
            <dl>
              {KEYS.filter((key) => key.where === where).map(({ keys, does, action }) => (
                <div key={action}>
                  <dt>
                    {keys.map((key) => (
                      <kbd key={key}>{KEY_LABELS[key] ?? key}</kbd>
                    ))}
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </dialog>
  );
}
