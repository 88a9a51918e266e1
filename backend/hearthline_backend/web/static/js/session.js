"use strict";
// Warns before a session ends, keeps what was typed when it has ended, and takes up the new session afterwards.
(() => {
  const dialog = document.getElementById("session");
  const main = document.getElementById("main");
  const link = dialog.querySelector("a");
  const { now } = window.hearthline;
  let ends = Date.parse(dialog.dataset.ends), over = false, asking = false;

  async function ask(path, options) {
    const answer = await fetch(path, { headers: { Accept: "application/json", ...options?.headers }, ...options, cache: "no-store" });
    return answer.ok ? answer.json() : null;
  }
  const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRF-Token"];

  function takeUp(state) {
    ends = Date.parse(state.ends);
    document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRF-Token": state.csrf }));
    for (const field of document.querySelectorAll("input[name=csrf]")) field.value = state.csrf;
    if (over) { over = false; main.hidden = false; location.hash || window.htmx.trigger(document.body, "resync"); }
    if (dialog.open) dialog.close();
  }

  function end() {
    if (over) return;
    over = true;
    main.hidden = true;
    dialog.querySelector("h2").textContent = dialog.dataset.over;
    dialog.querySelector("p").textContent = dialog.dataset.overText;
    dialog.querySelector("[data-act=stay]").hidden = true;
    link.hidden = false;
    if (!dialog.open) dialog.showModal();
  }

  async function check() {
    const left = ends - now();
    if (left > Number(dialog.dataset.warn) * 1000 || over || asking) return;
    asking = true;
    try {
      const state = await ask("/session");
      if (!state) return end();
      ends = Date.parse(state.ends);
      if (ends - now() > Number(dialog.dataset.warn) * 1000) { if (dialog.open) dialog.close(); return; }
      if (!dialog.open) dialog.showModal();
      if (ends <= now()) end();
    } catch { /* no contact: the live banner says so */ } finally { asking = false; }
  }

  dialog.addEventListener("cancel", (event) => { if (over) event.preventDefault(); });
  dialog.querySelector("[data-act=stay]").addEventListener("click", async () => {
    const state = await ask("/session", { method: "POST", headers: { "X-CSRF-Token": token() } });
    if (state) takeUp(state); else end();
  });
  window.addEventListener("focus", async () => {
    if (!over) return;
    const state = await ask("/session");
    if (state && state.user === dialog.dataset.user) takeUp(state);
  });
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.xhr.status === 401) end();
    const later = event.detail.xhr.getResponseHeader("X-Session-Ends");
    if (later) ends = Date.parse(later);
  });
  document.addEventListener("hearthline:signed-out", end);
  setInterval(check, 5000);
})();
