/** A text editor for one of the sources. */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { history, historyKeymap, standardKeymap, toggleLineComment } from "@codemirror/commands";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "preact/hooks";
import { highlighting, indentation } from "./ax-language.ts";

interface EditorProps {
  /** The name of the text for screen readers. */
  readonly label: string;
  /** The initial text. The editor is reset to it when `revision` changes. */
  readonly text: string;
  readonly revision: number;
  readonly indent: string;
  readonly extensions: Extension;
  readonly isHidden: boolean;
  readonly onText: (text: string) => void;
  /** Called once, with the editor. */
  readonly onView?: (view: EditorView) => void;
}

const basics = (label: string, indent: string): Extension => [
  lineNumbers(),
  history(),
  drawSelection(),
  indentUnit.of(indent),
  indentOnInput(),
  indentation,
  bracketMatching(),
  closeBrackets(),
  autocompletion(),
  highlightActiveLine(),
  highlighting,
  EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
  // The Tab key leaves the editor, so that the keyboard reaches the rest of the page.
  keymap.of([...closeBracketsKeymap, ...completionKeymap, ...standardKeymap, ...historyKeymap, { key: "Mod-/", run: toggleLineComment }]),
];

export function Editor({ label, text, revision, indent, extensions, isHidden, onText, onView }: EditorProps) {
  const container = useRef<HTMLDivElement>(null);
  const editor = useRef<EditorView | undefined>(undefined);
  useEffect(() => {
    if (container.current === null) return undefined;
    const view = new EditorView({
      parent: container.current,
      state: EditorState.create({
        doc: text,
        extensions: [
          extensions,
          basics(label, indent),
          EditorView.updateListener.of(({ docChanged, state }) => docChanged && onText(state.doc.toString())),
        ],
      }),
    });
    editor.current = view;
    onView?.(view);
    return () => view.destroy();
  }, []);
  useEffect(() => {
    const view = editor.current;
    if (view === undefined || view.state.doc.toString() === text) return;
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
  }, [revision]);
  return <div class="editor" ref={container} hidden={isHidden} />;
}

/** Puts the cursor on a line, counted from 1, and shows it. */
export function goToLine(view: EditorView, line: number, column = 1): void {
  const { from, to } = view.state.doc.line(Math.min(Math.max(line, 1), view.state.doc.lines));
  view.dispatch({ selection: { anchor: Math.min(from + column - 1, to) }, scrollIntoView: true });
  view.focus();
}
