// Lists recent records. Everything shown is set as text, never as markup.
"use strict";

const KEY = "weir-admin-key";
const PAGE = 50;
const part = (id) => document.getElementById(id);
let next = null;
// Answers to an earlier question are dropped.
let question = 0;

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(path) {
  const key = sessionStorage.getItem(KEY) ?? "";
  const response = await fetch(path, { headers: { authorization: `Bearer ${key}` }, cache: "no-store" });
  const body = await response.json().catch(() => null);
  if (!response.ok) {
    throw new Refused(response.status, body?.error?.message ?? `the gateway answered ${response.status}`);
  }
  return body;
}

function showDoor(message) {
  sessionStorage.removeItem(KEY);
  question += 1;
  part("records").hidden = true;
  part("leave").hidden = true;
  part("rows").replaceChildren();
  if (part("detail").open) part("detail").close();
  part("json").textContent = "";
  part("door").hidden = false;
  part("refused").textContent = message;
  part("key").focus();
}

async function load(after) {
  const mine = ++question;
  const query = new URLSearchParams({ limit: String(PAGE) });
  for (const [name, value] of new FormData(part("filters"))) {
    if (value.trim()) query.set(name, value.trim());
  }
  if (after) query.set("after", after);
  part("note").textContent = "Loading …";
  try {
    const page = await ask(`/api/v1/records?${query}`);
    if (mine !== question) return;
    showPage(page, after);
  } catch (error) {
    if (mine === question) showFault(error);
  }
}

function showPage(page, after) {
  part("door").hidden = true;
  part("records").hidden = false;
  part("leave").hidden = false;
  const rows = page.data.map(row);
  if (after) part("rows").append(...rows);
  else part("rows").replaceChildren(...rows);
  next = page.next;
  part("older").hidden = next === null;
  const count = part("rows").childElementCount;
  part("note").textContent = count === 0 ? "No record matches." : `${count} shown, newest first.`;
}

function showFault(error) {
  if (error instanceof Refused && (error.status === 401 || error.status === 403)) {
    showDoor(sessionStorage.getItem(KEY) ? `Not accepted: ${error.message}.` : "");
  } else {
    part("note").textContent = `Not loaded: ${error.message}.`;
  }
}

function cell(text, style) {
  const cell = document.createElement("td");
  const known = text !== null && text !== undefined && text !== "";
  cell.textContent = known ? String(text) : "–";
  cell.title = known ? String(text) : "";
  if (style) cell.className = known ? style : `${style} none`;
  return cell;
}

function row(record) {
  const line = document.createElement("tr");
  const time = document.createElement("td");
  const open = document.createElement("button");
  open.type = "button";
  open.textContent = record.time.slice(0, 19).replace("T", " ");
  open.title = `${record.time} · ${record.id}`;
  open.addEventListener("click", () => showDetail(record.id));
  time.append(open);
  const decision = record.decision ?? record.state;
  line.append(
    time,
    cell(record.tenant),
    cell(record.app),
    cell(record.answered_model ?? record.requested_model),
    cell(record.upstream),
    cell(decision, decision),
    cell(record.status, record.status >= 400 ? "failed" : "ok"),
    cell(record.usage && `${record.usage.input} / ${record.usage.output}`, "number"),
    cell(record.cost_usd, "number"),
    cell(grams(record.gwp_kg), "number"),
    cell(milliseconds(record.latency_us), "number"),
  );
  return line;
}

function grams(span) {
  if (!span || span.min === "unknown" || span.max === "unknown") return null;
  const [low, high] = [span.min, span.max].map((kg) => Number((Number(kg) * 1000).toPrecision(2)));
  return low === high ? String(low) : `${low} – ${high}`;
}

function milliseconds(micros) {
  if (micros === null || micros === undefined) return null;
  const ms = micros / 1000;
  return ms < 10 ? `${ms.toFixed(1)} ms` : ms < 10000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

async function showDetail(id) {
  try {
    const found = await ask(`/api/v1/records/${encodeURIComponent(id)}`);
    part("detail-id").textContent = id;
    part("json").textContent = JSON.stringify(found, null, 2);
    if (!part("detail").open) part("detail").showModal();
  } catch (error) {
    showFault(error);
  }
}

async function showReadiness() {
  try {
    const { failing } = await (await fetch("/readyz", { cache: "no-store" })).json();
    part("ready").textContent = failing.length === 0 ? "ready for traffic" : `not ready: ${failing.join(", ")}`;
    part("ready").className = failing.length === 0 ? "" : "bad";
  } catch {
    part("ready").textContent = "the gateway does not answer";
    part("ready").className = "bad";
  }
}

part("door").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, part("key").value.trim());
  part("key").value = "";
  load(null);
});
part("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  load(null);
  showReadiness();
});
part("older").addEventListener("click", () => load(next));
part("leave").addEventListener("click", () => showDoor(""));
part("close").addEventListener("click", () => part("detail").close());
showReadiness();
if (sessionStorage.getItem(KEY)) load(null);
else showDoor("");
