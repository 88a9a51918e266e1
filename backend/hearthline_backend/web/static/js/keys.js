"use strict";
// The keyboard: single keys only outside fields, without modifiers, and only for those who want them.
(() => {
  if (!("singleKeys" in document.body.dataset)) return;
  const role = document.body.dataset.role;
  let first = "", firstAt = 0;

  const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent !== null);
  const current = () => document.activeElement?.closest("[data-row]");
  const press = (selector, inside) => (inside || document).querySelector(selector)?.click();

  function step(by) {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(current());
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
    next.querySelector("[data-open]")?.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  function go(second) {
    if (second === "w" && role === "care") location.assign("/worklist");
    if (second === "h" && (role === "technician" || role === "engineer")) location.assign("/homes");
  }

  function ask(what) {
    const row = current();
    if (row?.dataset[what]) location.assign(row.dataset[what]);
    else press(`[data-dialog=${what}]`);
  }

  const keys = {
    j: () => step(1),
    k: () => step(-1),
    a: () => press("[data-act=acknowledge]", current()),
    n: () => press("#fresh [data-act=show]"),
    "/": () => document.querySelector("input[type=search]")?.focus(),
    "?": () => window.hearthline.open(document.getElementById("keys")),
    r: () => ask("resolve"),
    s: () => ask("snooze"),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    // A field of a dialog that has just closed may hold the focus for a moment longer: it is no field any more.
    if (event.target.closest("input, textarea, select, [contenteditable], dialog[open]")?.checkVisibility()) return;
    if (event.key === "Escape" && role === "care" && document.querySelector("[data-back]")) {
      document.querySelector("[data-back]").click();
      return;
    }
    if (first === "g" && Date.now() - firstAt < 1500) { first = ""; go(event.key); return; }
    first = "";
    if (event.key === "g") { first = "g"; firstAt = Date.now(); return; }
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
})();
