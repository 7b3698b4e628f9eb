"use strict";
const rows = [...document.querySelectorAll(".row")];
const stage = document.querySelector(".stage");
const panel = document.getElementById("panel");
const detail = document.getElementById("detail");
const filter = document.getElementById("filter");
const found = document.getElementById("found");
const header = document.querySelector(".names");
const texts = rows.map((row) => row.textContent.toLowerCase());
let here = 0;
let opened = null;

const isShown = (row) => !row.parentElement.hidden;

function moveTo(row) {
  rows[here].tabIndex = -1;
  here = rows.indexOf(row);
  row.tabIndex = 0;
  row.focus({ preventScroll: true });
  const top = row.getBoundingClientRect().top - header.offsetHeight - 8;
  const bottom = row.getBoundingClientRect().bottom + 8 - innerHeight;
  if (top < 0 || bottom > 0) scrollBy(0, top < 0 ? top : bottom);
}

function step(by, wanted = isShown) {
  for (let at = here + by; at >= 0 && at < rows.length; at += by) {
    if (wanted(rows[at])) return moveTo(rows[at]);
  }
}

function open(row) {
  for (const other of document.querySelectorAll(".row[aria-current]")) other.removeAttribute("aria-current");
  opened = row;
  row.setAttribute("aria-current", "true");
  detail.replaceChildren(document.getElementById("e" + row.dataset.event).content.cloneNode(true));
  panel.hidden = false;
  panel.scrollTop = 0;
  for (const each of panel.querySelectorAll("pre.traceback")) each.scrollTop = each.scrollHeight; // where the error is
  stage.classList.add("split");
  history.replaceState(null, "", "#" + row.dataset.event);
}

function close() {
  if (opened === null) return;
  const row = opened;
  opened = null;
  row.removeAttribute("aria-current");
  panel.hidden = true;
  stage.classList.remove("split");
  history.replaceState(null, "", location.pathname + location.search);
  moveTo(row);
}

function jump(seq) {
  const row = rows.find((each) => each.dataset.event === seq);
  if (row === undefined) return;
  if (!isShown(row)) show("");
  moveTo(row);
  open(row);
}

function show(words) {
  filter.value = words;
  const wanted = words.trim().toLowerCase();
  let count = 0;
  rows.forEach((row, at) => {
    const fits = texts[at].includes(wanted);
    row.parentElement.hidden = !fits;
    count += fits;
  });
  for (const gap of document.querySelectorAll(".gap")) gap.hidden = wanted !== "";
  found.textContent = wanted === "" ? "" : `${count} of ${rows.length} rows`;
  if (rows.length && !isShown(rows[here])) {
    rows[here].tabIndex = -1;
    here = Math.max(0, rows.findIndex(isShown));
    rows[here].tabIndex = 0;
  }
}

const isTrouble = (row) => isShown(row) && row.matches(".error, .dead, .open");
const keys = {
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  Home: () => moveTo(rows.find(isShown) ?? rows[here]),
  End: () => moveTo(rows.findLast(isShown) ?? rows[here]),
  n: () => step(1, isTrouble),
  N: () => step(-1, isTrouble),
};

document.getElementById("events").addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (row === null) return;
  moveTo(row);
  open(row);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    if (document.activeElement === filter && filter.value) show("");
    else close();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target === filter) return;
  if (event.key === "/") {
    event.preventDefault();
    filter.focus();
  } else if (keys[event.key] && rows.length && !panel.contains(event.target)) {
    event.preventDefault();
    keys[event.key]();
  }
});

document.getElementById("close").addEventListener("click", close);
panel.addEventListener("click", (event) => {
  const link = event.target.closest(".jump");
  if (link !== null) jump(link.dataset.to);
});
filter.addEventListener("input", () => show(filter.value));
if (rows.length) rows[0].tabIndex = 0;
if (location.hash) jump(location.hash.slice(1));
