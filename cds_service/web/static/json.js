// Folding, searching and copying for JSON and other folded text. Without it everything can still be unfolded and read.
"use strict";

const SHOWN = 500;
const marks = typeof Highlight === "function" && CSS.highlights ? CSS.highlights : null;

function textNodes(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  return nodes;
}

function rangesOf(root, wanted) {
  const ranges = [];
  for (const node of textNodes(root)) {
    const text = node.data.toLowerCase();
    let at = text.indexOf(wanted);
    while (at >= 0 && ranges.length < SHOWN) {
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, at + wanted.length);
      ranges.push(range);
      at = text.indexOf(wanted, at + wanted.length);
    }
    if (ranges.length >= SHOWN) break;
  }
  return ranges;
}

function unfold(node, root) {
  for (let each = node.parentElement; each && each !== root.parentElement; each = each.parentElement) {
    if (each.tagName === "DETAILS") each.open = true;
  }
}

function searchable(tools) {
  const root = document.getElementById(tools.dataset.tools);
  const field = tools.querySelector("input[type=search]");
  const told = tools.querySelector("[role=status]");
  let ranges = [];
  let now = -1;

  function show(place) {
    if (!ranges.length) return;
    now = (place + ranges.length) % ranges.length;
    const range = ranges[now];
    unfold(range.startContainer, root);
    range.startContainer.parentElement.scrollIntoView({ block: "center" });
    if (marks) {
      marks.set("found", new Highlight(...ranges));
      marks.set("found-now", new Highlight(range));
    } else {
      getSelection().removeAllRanges();
      getSelection().addRange(range.cloneRange());
    }
    const more = ranges.length >= SHOWN ? " or more" : "";
    told.textContent = `${now + 1} of ${ranges.length}${more}`;
  }

  function search() {
    const wanted = field.value.trim().toLowerCase();
    if (marks) {
      marks.delete("found");
      marks.delete("found-now");
    }
    ranges = wanted ? rangesOf(root, wanted) : [];
    now = -1;
    told.textContent = wanted && !ranges.length ? "nothing found" : "";
    show(0);
  }

  field.addEventListener("input", search);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    show(now + (event.shiftKey ? -1 : 1));
  });
  const step = (name, by) => tools.querySelector(`[data-${name}]`)?.addEventListener("click", () => show(now + by));
  step("next", 1);
  step("previous", -1);
  for (const button of tools.querySelectorAll("[data-fold]")) {
    button.addEventListener("click", () => {
      const open = button.dataset.fold === "open";
      for (const each of root.querySelectorAll("details")) each.open = open;
    });
  }
  tools.hidden = false;
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const text = source.value ?? source.textContent;
  const told = button.parentElement.querySelector("[role=status]");
  try {
    await navigator.clipboard.writeText(text);
    told.textContent = "Copied";
  } catch {
    const details = source.closest("details");
    if (details) details.open = true;
    getSelection().selectAllChildren(source);
    told.textContent = "Press Ctrl+C to copy what is selected";
  }
}

for (const tools of document.querySelectorAll("[data-tools]")) searchable(tools);
for (const button of document.querySelectorAll("[data-copy]")) {
  button.parentElement.hidden = false;
  button.addEventListener("click", () => copy(button));
}
// What an address names is unfolded, in browsers that do not do so by themselves.
function reveal() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.closest("details:not([open])")) {
    unfold(target, document.body);
    target.scrollIntoView();
  }
}
addEventListener("hashchange", reveal);
reveal();
// A fault in what was typed: the cursor stands on it.
for (const field of document.querySelectorAll("textarea[data-at]")) {
  const at = Number(field.dataset.at);
  field.focus();
  field.setSelectionRange(at, at + 1);
}
// Ctrl+Enter in a text field sends its form.
for (const field of document.querySelectorAll("textarea")) {
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) field.form.requestSubmit();
  });
}
