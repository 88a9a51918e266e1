"use strict";
// Parts that fetch themselves again must not stay behind. Two ways they would: something happens while a part is being
// fetched, whose old answer then takes its place; and an answer comes for a part that was replaced while it was under
// way. In both cases the part that now stands in its place is asked again.
(() => {
  const asking = new WeakSet(), missed = new WeakSet();

  document.body.addEventListener("htmx:confirm", (event) => {
    const { elt, verb } = event.detail;
    if (verb !== "get" || !asking.has(elt)) return;
    missed.add(elt);
    event.preventDefault();
  });
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, target, xhr, requestConfig } = event.detail;
    let late = false;
    if (requestConfig.verb === "get") asking.add(elt);
    xhr.addEventListener("readystatechange", () => {
      if (xhr.readyState === XMLHttpRequest.DONE) late = !target.isConnected;
    });
    xhr.addEventListener("loadend", () => {
      asking.delete(elt);
      for (const part of [missed.delete(elt) && elt, late && target]) {
        const now = part && part.id && document.getElementById(part.id);
        if (now) window.htmx.trigger(now, "behind");
      }
    });
  });
})();
