"use strict";
// Keeps every age on the page true: every 30 s, from the server's clock and not the computer's own.
window.hearthline = (() => {
  const root = document.documentElement;
  const words = JSON.parse(document.body.dataset.words);
  let ahead = Date.parse(root.dataset.now) - Date.now();
  const now = () => Date.now() + ahead;
  const nbsp = (text) => text.replaceAll(" ", "\u00a0");
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_all, name) => String(values[name]));

  function age(milliseconds, exact) {
    const s = Math.max(0, Math.floor(milliseconds / 1000));
    const min = Math.floor(s / 60), h = Math.floor(s / 3600), d = Math.floor(s / 86400);
    if (s < 90) return fill(words.s, { n: s });
    if (min < 60) return fill(words.min, { n: min });
    if (exact && h < 12 && min % 60) return fill(words.hmin, { h, n: min % 60 });
    if (h < 24) return fill(words.h, { n: h });
    if (d < 3 && h % 24) return fill(words.dh, { d, n: h % 24 });
    return fill(words.d, { n: d });
  }

  const ago = (milliseconds, exact) => nbsp(fill(words.ago, { age: age(milliseconds, exact) }));

  function rewrite() {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const place = time.querySelector("[data-age]");
      const text = ago(now() - Date.parse(time.dateTime), "exact" in time.dataset);
      if (place && place.textContent !== text) place.textContent = text;
    }
  }

  setInterval(rewrite, 30000);
  document.addEventListener("htmx:afterSettle", rewrite);
  return {
    now, ago, fill, rewrite,
    correct(serverTime) { ahead = Date.parse(serverTime) - Date.now(); },
    clock(at) {
      return new Intl.DateTimeFormat(root.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: root.dataset.zone }).format(at);
    },
  };
})();
