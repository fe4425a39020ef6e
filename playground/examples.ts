/** The programs of the page's list. Those with a file are programs of the repository's folder `examples/`. */
import refusedPolicy from "../examples/refused/policy.json?raw";
import refusedProgram from "../examples/refused/exfiltrate.ax?raw";
import wordPolicy from "../examples/word-count/policy.json?raw";
import wordProgram from "../examples/word-count/count.ax?raw";
import type { Sources } from "./messages.ts";

export interface Example {
  readonly name: string;
  readonly sources: Sources;
}

const HELLO = `// Press Run. Then add news.example to the domains of the policy, and run again.

fn headline(url: String) -> String !{net.fetch} {
    let page = net.fetch(url)
    string.to_upper(string.slice(page, 0, 12))
}

fn main(url: String) -> List<String> !{net.fetch} {
    let mut lines: List<String> = []
    for n in 1..=3 {
        debug(f"page {n}")
        lines = list.push(lines, headline(f"{url}/{n}"))
    }
    lines
}
`;

const HELLO_POLICY = `{
  "schema_version": 1,
  "default_allow": false,
  "rules": {
    "net.fetch": { "allow": true, "budget": 3 }
  },
  // A call of another domain is denied.
  "net_policy": { "allowed_domains": ["example.com"] }
}
`;

const HELLO_INPUTS = `{
  "args": { "url": "https://news.example" },
  "answers": {
    "net.fetch": ["a map of every bridge", "quiet engines"]
  }
}
`;

const REFUSED_INPUTS = `{
  "args": { "path": "note.txt" },
  "answers": { "fs.read": ["Meet at noon."] }
}
`;

const WORD_INPUTS = `{
  "args": { "text": "one two three\\nfour five\\nsix" }
}
`;

const HELLO_EXAMPLE: Example = {
  name: "A call and its policy",
  sources: { program: HELLO, policy: HELLO_POLICY, inputs: HELLO_INPUTS },
};

export const EXAMPLES: readonly [Example, ...Example[]] = [
  HELLO_EXAMPLE,
  { name: "A program that tells secrets", sources: { program: refusedProgram, policy: refusedPolicy, inputs: REFUSED_INPUTS } },
  { name: "Actors that count words", sources: { program: wordProgram, policy: wordPolicy, inputs: WORD_INPUTS } },
];
