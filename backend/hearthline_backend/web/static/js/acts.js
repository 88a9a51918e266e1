"use strict";
// Buttons that send, dialogs, toasts. Without this script every form still posts and every answer is a page.
(() => {
  const TOAST_MS = 10000;
  const failed = document.getElementById("failed");

  function busy(form, on) {
    const button = form.querySelector("button:not([type=button])");
    if (!button) return;
    if (on) {
      button.dataset.text = button.innerHTML;
      button.setAttribute("aria-busy", "true");
      if (button.dataset.sending) button.textContent = button.dataset.sending;
    } else if (button.dataset.text !== undefined) {
      button.removeAttribute("aria-busy");
      button.innerHTML = button.dataset.text;
    }
  }

  document.body.addEventListener("htmx:beforeRequest", (event) => {
    const form = event.detail.elt;
    if (form.matches("form")) { if (failed) failed.hidden = true; busy(form, true); }
  });
  document.body.addEventListener("htmx:afterRequest", (event) => {
    const form = event.detail.elt;
    if (!form.matches("form")) return;
    if (form.isConnected) busy(form, false);
    const dialog = form.closest("dialog");
    if (event.detail.successful && dialog?.open) dialog.close();
    if (!event.detail.successful && event.detail.xhr.status !== 401 && failed) {
      const text = failed.querySelector("p");
      text.textContent = event.detail.xhr.status === 0 ? text.dataset.unreached : text.dataset.refused;
      failed.hidden = false;
      // Events were not listened to while the button was busy.
      if (event.detail.xhr.status !== 0) window.htmx.trigger(document.body, "resync");
    }
  });
  document.body.addEventListener("htmx:confirm", (event) => {
    if (event.detail.elt.querySelector?.("[aria-busy=true]")) event.preventDefault();
  });

  // Dialogs: focus goes to the first field, and back to the button when they close.
  // "close" is told late: a dialog that was opened again meanwhile keeps its focus.
  const openers = new WeakMap();
  document.addEventListener("close", (event) => {
    const opener = openers.get(event.target);
    if (!event.target.open && opener?.isConnected) opener.focus();
  }, true);
  function open(dialog) {
    if (dialog.open) return;
    openers.set(dialog, document.activeElement);
    dialog.showModal();
    first(dialog);
  }
  function first(dialog) {
    dialog.querySelector("input:not([type=hidden]), textarea, select")?.focus();
  }
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) { event.preventDefault(); open(document.getElementById(opener.dataset.dialog)); }
    const closer = event.target.closest("[data-close]");
    if (closer) closer.closest("dialog").close();
    if (event.target.closest("[data-act=print]")) window.print();
  });
  const named = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (named && named.matches("dialog")) {
    open(named);
    // Going to the place that the address names takes the focus away once more, when all is loaded.
    window.addEventListener("load", () => setTimeout(() => { if (named.open) first(named); }));
  }
  window.hearthline.open = open;
  // One that the server opened, such as after a refused post, becomes modal like the others.
  const offeredOpen = document.querySelector("dialog[open]");
  if (offeredOpen && offeredOpen !== named) {
    offeredOpen.removeAttribute("open");
    open(offeredOpen);
  }

  // A question that came by itself and has to be answered soon takes the focus once, but never from a field.
  const offered = new WeakSet();
  document.body.addEventListener("htmx:afterSettle", () => {
    const field = document.querySelector("[data-focus-once]");
    if (!field || offered.has(field)) return;
    offered.add(field);
    if (!document.activeElement?.matches("input, textarea, select")) field.focus();
  });

  // One toast, 10 s, longer while somebody points at it or stands in it.
  let timer = 0;
  const place = document.getElementById("toast");
  function arm() {
    clearTimeout(timer);
    const toast = place.querySelector(".toast");
    if (!toast) return;
    timer = setTimeout(() => {
      if (toast.matches(":hover, :focus-within")) return arm();
      toast.remove();
    }, TOAST_MS);
  }
  arm();
  document.body.addEventListener("htmx:oobAfterSwap", arm);
  document.body.addEventListener("htmx:afterSwap", arm);

  // What is under a fold is printed too.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const one of folded) one.open = true;
  });
  window.addEventListener("afterprint", () => { for (const one of folded) one.open = false; });

  document.getElementById("problem")?.focus();
})();
