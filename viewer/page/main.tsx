/**
 * The page of `boruna view`: a list of runs, a run with its views, and a comparison of two runs.
 *
 *   route.ts   the view that the address names       client.ts  requests to the server (types in viewer/api.ts)
 *   live.ts    which runs have changed               use-window.ts, virtual-rows.tsx  the visible part of long lists
 *   keys.tsx   the table of keys
 *
 * All data is untrusted text. It enters the document only as text nodes, through `Untrusted` in parts.tsx.
 */
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { storeToken, takeToken } from "./client.ts";
import { ComparePage } from "./compare-page.tsx";
import { KeyHelp, listenToKeys, useKeys } from "./keys.tsx";
import { type Connection, follow, useConnection } from "./live.ts";
import { Note } from "./parts.tsx";
import { navigate, type Route, useRoute } from "./route.ts";
import { RunPage } from "./run-page.tsx";
import { RunsPage } from "./runs-page.tsx";

const CONNECTIONS: Readonly<Record<Connection, { readonly sign: string; readonly word: string }>> = {
  connecting: { sign: "○", word: "connecting" },
  live: { sign: "●", word: "live" },
  lost: { sign: "✕", word: "no connection" },
  refused: { sign: "✕", word: "token refused" },
};

function App() {
  const route = useRoute();
  const connection = useConnection();
  const [isHelpOpen, setHelpOpen] = useState(false);
  useKeys({ help: () => setHelpOpen(true), runs: () => navigate("#/") });
  useEffect(() => {
    const abort = new AbortController();
    void follow(abort.signal);
    return () => abort.abort();
  }, []);
  const { sign, word } = CONNECTIONS[connection];
  return (
    <>
      <header class="top">
        <a class="brand" href="#/">
          Boruna
        </a>
        <nav aria-label="Place">{route.path.length > 0 && <a href="#/">← All runs</a>}</nav>
        <span class={`connection ${connection}`} role="status">
          <span aria-hidden="true">{sign} </span>
          {word}
        </span>
        <button type="button" onClick={() => setHelpOpen(true)} aria-label="Show the keys" title="Keys ( ? )">
          ?
        </button>
      </header>
      {connection === "refused" ? <TokenForm /> : <Page route={route} />}
      {isHelpOpen && <KeyHelp onClose={() => setHelpOpen(false)} />}
    </>
  );
}

function Page({ route }: { readonly route: Route }) {
  const [kind, id] = route.path;
  if (kind === undefined) return <RunsPage route={route} />;
  if (kind === "run" && id !== undefined) return <RunPage key={id} route={route} />;
  if (kind === "compare") return <ComparePage route={route} />;
  return (
    <main>
      <Note>
        There is no such page. <a href="#/">All runs</a>
      </Note>
    </main>
  );
}

/** Asks for the token, which a permalink in another browser does not have. */
function TokenForm() {
  const [token, setToken] = useState("");
  return (
    <main>
      <form
        class="token"
        onSubmit={(event) => {
          event.preventDefault();
          storeToken(token.trim());
          location.reload();
        }}
      >
        <h1>The viewer asks for its token</h1>
        <p>
          <code>boruna view</code> prints an address with a token when it starts. Open that address, or paste the token here.
        </p>
        <label>
          <span>Token</span>
          <input type="password" value={token} onInput={(event) => setToken(event.currentTarget.value)} autocomplete="off" />
        </label>
        <button type="submit" class="primary">
          Open
        </button>
      </form>
    </main>
  );
}

takeToken();
// The user may open an address with a token in a tab that already shows the page.
addEventListener("hashchange", () => takeToken() && location.reload());
listenToKeys();
const app = document.getElementById("app");
if (app !== null) render(<App />, app);
