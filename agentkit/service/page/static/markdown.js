// Markdown of a model is foreign text. The text becomes tokens (marked), and the tokens become
// elements, one known kind at a time. No HTML text is ever made: raw HTML is shown as text, and the
// page's policy makes the browser refuse anything else.
import { marked } from "./vendor/marked.js";
import { Component, h, html, useState } from "./vendor/preact-htm.js";
import { visible } from "./format.js";

const LONGEST_COLOURED = 20000;

const ENTITIES = {
  amp: "&", apos: "'", deg: "°", euro: "€", gt: ">", hellip: "…", larr: "←", lt: "<", mdash: "—",
  nbsp: "\u00a0", ndash: "–", quot: '"', rarr: "→", times: "×",
};

/** Text with its entities decoded; what is no character becomes U+FFFD. */
const decode = (text) =>
  text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w+));/gi, (all, decimal, hexadecimal, name) => {
    if (name) return ENTITIES[name] ?? all;
    const code = decimal ? Number(decimal) : parseInt(hexadecimal, 16);
    const isCharacter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000);
    return isCharacter ? String.fromCodePoint(code) : "\ufffd";
  });

const isLink = (address) => /^(https?:\/\/|mailto:)/i.test(address);
const isInlineImage = (address) =>
  /^data:image\/(png|jpeg|gif|webp);base64,[a-z\d+/=]+$/i.test(address);

/** The blocks of a text. Each is drawn once; only the last changes while text arrives. */
export class Markdown extends Component {
  shouldComponentUpdate(next) {
    return next.text !== this.props.text || next.isLive !== this.props.isLive;
  }

  render({ text, isLive }) {
    const open = []; // headings begin at h3, and none skips a level
    const tokens = marked
      .lexer(isLive ? closed(text) : text)
      .filter((token) => token.type !== "space" && token.type !== "def");
    return tokens.map((token, at) => {
      if (token.type === "heading") {
        while (open.length && open.at(-1) >= token.depth) open.pop();
        open.push(token.depth);
        token.level = Math.min(6, 2 + open.length);
      }
      return html`<${Block} key=${at} token=${token} />`;
    });
  }
}

class Block extends Component {
  shouldComponentUpdate({ token }) {
    return token.raw !== this.props.token.raw || token.level !== this.props.token.level;
  }

  render({ token }) {
    return html`<div class="block">${draw(token)}</div>`;
  }
}

const all = (tokens) => (tokens || []).map(draw);

const DRAWN = {
  paragraph: (token) => html`<p>${all(token.tokens)}</p>`,
  heading: (token) =>
    h(token.level ? `h${token.level}` : "p", { class: `h-${token.depth}` }, all(token.tokens)),
  text: (token) => (token.tokens ? all(token.tokens) : decode(token.text)),
  escape: (token) => token.text,
  strong: (token) => html`<strong>${all(token.tokens)}</strong>`,
  em: (token) => html`<em>${all(token.tokens)}</em>`,
  del: (token) => html`<del>${all(token.tokens)}</del>`,
  codespan: (token) => html`<code>${token.text}</code>`,
  br: () => html`<br />`,
  hr: () => html`<hr />`,
  blockquote: (token) => html`<blockquote>${all(token.tokens)}</blockquote>`,
  code: (token) => html`<${Code} source=${token.text} language=${languageOf(token.lang)} />`,
  list: drawList,
  table: drawTable,
  link: drawLink,
  image: drawImage,
  html(token) {
    if (/^<br\s*\/?>$/i.test(token.text.trim())) return html`<br />`;
    return token.block ? html`<p>${token.text}</p>` : token.text;
  },
};

const draw = (token) =>
  Object.hasOwn(DRAWN, token.type) ? DRAWN[token.type](token) : token.raw;

function drawList(token) {
  const items = token.items.map((item) => {
    const label = item.checked ? "done" : "open";
    const box = html`<input type="checkbox" disabled checked=${item.checked} aria-label=${label} />`;
    return html`<li>
      ${item.task && box}${all(item.tokens.filter((one) => one.type !== "checkbox"))}
    </li>`;
  });
  if (!token.ordered) return html`<ul>${items}</ul>`;
  return html`<ol start=${token.start === 1 ? undefined : token.start}>${items}</ol>`;
}

function drawTable(token) {
  const head = token.header.map(
    (cell) => html`<th scope="col" align=${cell.align}>${all(cell.tokens)}</th>`,
  );
  const rows = token.rows.map(
    (row) =>
      html`<tr>${row.map((cell) => html`<td align=${cell.align}>${all(cell.tokens)}</td>`)}</tr>`,
  );
  return html`<div class="table-box" tabindex="0" role="group" aria-label="Table">
    <table><thead><tr>${head}</tr></thead><tbody>${rows}</tbody></table>
  </div>`;
}

function drawLink(token) {
  const address = visible(token.href);
  if (!isLink(token.href)) return html`<span>${all(token.tokens)} <code>${address}</code></span>`;
  return html`<a href=${token.href} title=${address} target="_blank"
    rel="noopener noreferrer nofollow">${all(token.tokens)}</a>`;
}

/** The address of a picture elsewhere can carry the conversation away: it is shown, not loaded. */
function drawImage(token) {
  if (isInlineImage(token.href)) return html`<img src=${token.href} alt=${token.text || ""} />`;
  return html`<span class="no-image">
    Image not loaded: ${token.text || "no description"} <code>${visible(token.href)}</code>
  </span>`;
}

/** Close what has only begun to arrive: bold, code, a link, the head of a table. */
function closed(text) {
  const at = text.lastIndexOf("\n\n") + 1;
  const isInCode = (text.match(/^\s*(```|~~~)/gm) || []).length % 2;
  if (isInCode) return text;
  const before = text.slice(0, at);
  let last = text.slice(at).replace(/!?\[([^\]]*)(\]\([^)\s]*)?$/, "$1");
  if (/^\s*\|/.test(last) && !/\n\s*\|?\s*:?-{2,}.*\n/.test(last)) last = "";
  if ((last.match(/`/g) || []).length % 2) return `${before}${last}\``;
  if ((last.match(/\*\*/g) || []).length % 2) {
    const isEmpty = last.endsWith("**");
    last = isEmpty ? last.slice(0, -2) : `${last.replace(/\*$/, "").trimEnd()}**`;
  }
  return before + last;
}

const languageOf = (given) => (/^[\w+#.-]{1,20}/.exec(given || "") || ["text"])[0];

function Code({ source, language }) {
  const [isCopied, copy] = useCopy(source);
  const isPlain = language === "text" || source.length > LONGEST_COLOURED;
  return html`<div class="code">
    <div class="code-head">
      <span>${language}</span>
      <button type="button" class="quiet small" aria-label="Copy ${language} code" onClick=${copy}>
        ${isCopied ? "Copied" : "Copy"}
      </button>
    </div>
    <pre tabindex="0" role="group" aria-label="${language} code"><code>${
      isPlain ? source : coloured(source, language)
    }</code></pre>
  </div>`;
}

const WORDS = new Set(
  (
    "and as async await break by case catch class const continue create def del delete desc do elif " +
    "else except export extends false finally fn for from func function group if import in insert " +
    "interface is join lambda let limit match new nil none not null on or order pass pub raise return " +
    "select self set static struct switch table this throw true try type update use var where while " +
    "with yield"
  ).split(" "),
);
const HASH_COMMENTS = /^(py|python|sh|bash|shell|console|ya?ml|toml|rb|ruby|r|ini|dockerfile)$/i;

function commentOf(language) {
  if (HASH_COMMENTS.test(language)) return "#[^\\n]*";
  return /^(sql|lua)$/i.test(language) ? "--[^\\n]*" : "\\/\\/[^\\n]*|\\/\\*[\\s\\S]*?\\*\\/";
}

/** Colour comments, strings, numbers, common words and calls, by one expression for all languages. */
function coloured(source, language) {
  const expression = new RegExp(
    `(${commentOf(language)})|("(?:[^"\\\\\\n]|\\\\.)*"|'(?:[^'\\\\\\n]|\\\\.)*')` +
      "|(\\b\\d[\\d_.]*\\b)|([A-Za-z_]\\w*)(?=(\\s*\\())?",
    "g",
  );
  const found = [];
  let at = 0;
  for (const match of source.matchAll(expression)) {
    const kind = kindOf(match);
    if (!kind) continue;
    found.push(source.slice(at, match.index), html`<span class="t-${kind}">${match[0]}</span>`);
    at = match.index + match[0].length;
  }
  return [...found, source.slice(at)];
}

function kindOf([, comment, string, digits, word, isCall]) {
  if (comment) return "c";
  if (string) return "s";
  if (digits) return "n";
  if (WORDS.has(word.toLowerCase())) return "k";
  return isCall ? "f" : null;
}

/** Whether a text was copied a moment ago, and what copies it. */
export function useCopy(text) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await copyText(typeof text === "function" ? text() : text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1600);
  };
  return [isCopied, copy];
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return;
  } catch {
    // Not a secure context; the older way works there.
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "sr";
  (document.querySelector("dialog[open]") || document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** Words to be read aloud: without the marks of Markdown; code is named, not read. */
export const spoken = (text) =>
  text
    .replace(/```[\s\S]*?(```|$)/g, " Code. ")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[*_`#>|~]/g, "")
    .replace(/\s+/g, " ")
    .trim();
