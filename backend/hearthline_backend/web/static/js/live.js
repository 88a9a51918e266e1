"use strict";
// Says whether the page is live, and by itself when it no longer is: after 90 s without a live event.
(() => {
  const SILENT_AFTER = 90000, SAY_EVERY = 20000;
  const sign = document.getElementById("live");
  if (!sign) return;
  const { fill, ago, clock, now } = window.hearthline;
  const stopped = document.getElementById("stopped"), again = document.getElementById("again");
  const said = document.getElementById("said");
  let last = Date.now(), opened = false, silent = false, newBefore = 0;

  const fresh = () => document.getElementById("fresh");
  const newCount = () => Number(fresh()?.dataset.count || 0);

  function show() {
    sign.querySelector(".pulse").classList.toggle("off", silent || !opened);
    if (!opened && !silent) return;
    sign.querySelector(".word").textContent = silent ? sign.dataset.off : sign.dataset.live;
    const lastText = fill(sign.dataset.last, { age: ago(Date.now() - last) });
    sign.querySelector(".roomy").textContent = silent ? "" : lastText;
  }

  function stop() {
    const text = stopped.querySelector("p");
    const since = now() - (Date.now() - last);
    if (!silent) {
      silent = true;
      newBefore = newCount();
      again.hidden = true;
      stopped.hidden = false;
      text.append(document.createElement("b"), document.createElement("span"));
      text.querySelector("span").textContent = text.dataset.more;
    }
    text.querySelector("b").textContent = fill(text.dataset.text, { time: clock(since), age: ago(Date.now() - last) });
  }

  function liveAgain() {
    silent = false;
    stopped.hidden = true;
    stopped.querySelector("p").replaceChildren();
    window.htmx.trigger(document.body, "resync");
    const text = again.querySelector("p"), strong = document.createElement("b"), more = document.createElement("span");
    strong.textContent = fill(text.dataset.text, { time: clock(now()) });
    text.replaceChildren(strong, more);
    again.hidden = false;
  }

  // Counted when the list's own answer has come, however long that takes.
  function countMeanwhile() {
    const more = again.querySelector("p span");
    if (again.hidden || !more || !fresh()) return;
    const text = again.querySelector("p"), came = Math.max(0, newCount() - newBefore);
    const words = came === 0 ? text.dataset.none : came === 1 ? text.dataset.one : text.dataset.many;
    more.textContent = ` ${fill(words, { n: came })}`;
  }

  // A hop behind this service is away: said by the service itself, and taken back by it.
  function delay(since) {
    const banner = document.getElementById("delayed"), text = banner.querySelector("p");
    banner.hidden = !since;
    if (!since) return text.replaceChildren();
    const strong = document.createElement("b"), more = document.createElement("span");
    strong.textContent = `${fill(text.dataset.text, { time: clock(Date.parse(since)) })} `;
    more.textContent = text.dataset.more;
    if (text.querySelector("span")?.textContent !== more.textContent) text.replaceChildren(strong, more);
  }

  function tick(event) {
    if (event?.data) window.hearthline.correct(event.data);
    last = Date.now();
    if (silent) liveAgain();
    show();
  }

  document.body.addEventListener("htmx:sseOpen", (event) => {
    const source = event.detail.source;
    // What happened between the page's making and this moment was told to nobody: ask again.
    window.htmx.trigger(document.body, opened ? "resync" : "opened");
    opened = true;
    tick();
    source.addEventListener("tick", tick);
    source.addEventListener("delayed", (told) => delay(told.data));
    source.addEventListener("resync", () => window.htmx.trigger(document.body, "resync"));
    source.addEventListener("signed-out", () => { source.close(); document.dispatchEvent(new Event("hearthline:signed-out")); });
  });

  setInterval(() => {
    if (Date.now() - last > SILENT_AFTER) stop();
    show();
  }, 5000);

  // One voice for the whole page, at most once in 20 s.
  let waiting = "", spokeAt = 0, timer = 0;
  function speak() {
    timer = 0;
    said.textContent = waiting;
    waiting = "";
    spokeAt = Date.now();
  }
  document.body.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target.id === "fresh") countMeanwhile();
  });
  document.body.addEventListener("htmx:afterSettle", () => {
    const text = (fresh() || document.querySelector("main [data-said]"))?.dataset.said || "";
    if (!text || text === said.textContent || text === waiting) return;
    waiting = text;
    if (!timer) timer = setTimeout(speak, Math.max(100, SAY_EVERY - (Date.now() - spokeAt)));
  });

  document.addEventListener("click", (event) => {
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act === "reload") location.reload();
    if (act === "close-banner") again.hidden = true;
  });
})();
