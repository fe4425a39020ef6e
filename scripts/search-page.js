// The search page of the site. `index.js` defines SEARCH_INDEX; the query is in the address (`?q=`), so the forms of the other pages need no script.
"use strict";

const MAX_RESULTS = 30;
const wordsOf = (text) => text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];

/** Returns the numbers of the sections that have every word of the query, or a word that begins with it, best first. */
function search({ words, sections }, query) {
  let scores;
  for (const wanted of new Set(wordsOf(query))) {
    const found = new Map();
    for (const [word, sectionWeights] of Object.entries(words)) {
      if (!word.startsWith(wanted)) continue;
      // A rare word says more than a common one, and the whole word more than its beginning.
      const value = Math.log(1 + (2 * sections.length) / sectionWeights.length) * (word === wanted ? 2 : 1);
      for (let i = 0; i < sectionWeights.length; i += 2) found.set(sectionWeights[i], (found.get(sectionWeights[i]) ?? 0) + value * sectionWeights[i + 1]);
    }
    const before = scores;
    scores = before === undefined ? found : new Map([...found].filter(([n]) => before.has(n)).map(([n, score]) => [n, score + before.get(n)]));
  }
  return [...(scores ?? [])]
    .sort(([a, x], [b, y]) => y - x || a - b)
    .slice(0, MAX_RESULTS)
    .map(([n]) => n);
}

const plural = (count) => `${count} ${count === 1 ? "section" : "sections"}`;

function show(index, query) {
  const found = search(index, query);
  document.querySelector("[type=search]").value = query;
  const status = document.querySelector("#status");
  if (query.trim() === "") status.textContent = "Type a word, or the beginning of one.";
  else if (found.length === 0) status.textContent = `Nothing has “${query}”.`;
  else status.textContent = `${found.length === MAX_RESULTS ? `The best ${MAX_RESULTS} sections` : plural(found.length)} for “${query}”:`;
  document.querySelector("#results").replaceChildren(
    ...found.map((n) => {
      const [page, anchor, heading, text] = index.sections[n];
      const [path, title] = index.pages[page];
      const link = document.createElement("a");
      link.href = anchor === "" ? path : `${path}#${anchor}`;
      link.textContent = heading === title ? title : `${title}: ${heading}`;
      const excerpt = document.createElement("p");
      excerpt.textContent = text;
      const item = document.createElement("li");
      item.append(link, excerpt);
      return item;
    }),
  );
}

show(SEARCH_INDEX, new URLSearchParams(location.search).get("q") ?? "");
