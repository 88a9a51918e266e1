"use strict";
// Draws every figure that names its series. Colours come from the tokens; the arrow keys walk the readings.
(() => {
  const root = document.documentElement;
  const DAY = 86400;

  function colours(figure) {
    const probe = document.createElement("span");
    figure.append(probe);
    const read = (token) => { probe.style.color = `var(${token})`; return getComputedStyle(probe).color; };
    const names = ["ink", "ink-3", "surface", "band", "data", "grid", "none-tint", "red-fill", "accent"];
    const found = Object.fromEntries(names.map((name) => [name, read(`--${name}`)]));
    probe.remove();
    return found;
  }

  function fonts(figure) {
    const style = getComputedStyle(figure);
    const size = parseFloat(style.fontSize) * devicePixelRatio;
    return { size: parseFloat(style.fontSize), tick: `400 ${size}px ${style.fontFamily}`, say: `650 ${size}px ${style.fontFamily}`, axis: `400 ${style.fontSize} ${style.fontFamily}` };
  }

  function dates(span) {
    const zone = root.dataset.zone;
    const make = (options) => new Intl.DateTimeFormat(root.lang, { timeZone: zone, ...options });
    const day = make({ day: "numeric" });
    const hour = make({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }), month = make({ month: "short" });
    const monthYear = make({ month: "short", year: "numeric" });
    return (_plot, ticks) => ticks.map((tick, index) => {
      const at = new Date(tick * 1000);
      if (span <= 1.5 * DAY) return hour.format(at);
      if (span > 200 * DAY) return index === 0 || at.getMonth() === 0 ? monthYear.format(at) : month.format(at);
      const text = day.format(at);
      return index === 0 || text === "1" || span > 20 * DAY ? `${text} ${month.format(at)}` : text;
    });
  }

  function draw(figure, data) {
    const place = figure.querySelector(".plot");
    const readout = figure.querySelector(".readout");
    const ink = colours(figure), font = fonts(figure);
    const ratio = devicePixelRatio;
    const pressure = data.kind === "blood_pressure";
    const times = data.points.map((point) => point.t);
    const columns = [times, ...(data.points[0]?.v || [0]).map((_one, index) => data.points.map((point) => point.v[index]))];
    const dense = data.points.length > place.clientWidth / 7;

    const x = (plot, t) => plot.valToPos(t, "x", true), y = (plot, v) => plot.valToPos(v, "y", true);

    function ground(plot) {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      ctx.fillStyle = ink.band;
      for (const [low, high] of data.bands) {
        const top = high === null ? bbox.top : y(plot, high), bottom = low === null ? bbox.top + bbox.height : y(plot, low);
        ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
      }
      ctx.restore();
    }

    function silence(plot) {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.textAlign = "center";
      ctx.textBaseline = "middle";
      ctx.font = font.tick;
      for (const gap of data.gaps) {
        const from = Math.max(bbox.left, x(plot, gap.from)), to = Math.min(bbox.left + bbox.width, x(plot, gap.to));
        ctx.fillStyle = ink["none-tint"];
        ctx.fillRect(from, bbox.top, to - from, bbox.height);
        ctx.fillStyle = ink["ink-3"];
        if (to - from > ctx.measureText(gap.words).width + 8 * ratio) ctx.fillText(gap.words, (from + to) / 2, bbox.top + bbox.height / 2);
      }
      ctx.restore();
    }

    function marks(plot) {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.font = font.tick;
      ctx.textBaseline = "alphabetic";
      for (const limit of data.limits) {
        const at = y(plot, limit.value);
        if (at < bbox.top - 1 || at > bbox.top + bbox.height + 1) continue;
        ctx.strokeStyle = ink["ink-3"];
        ctx.lineWidth = 1.5 * ratio;
        ctx.setLineDash([5 * ratio, 4 * ratio]);
        ctx.beginPath(); ctx.moveTo(bbox.left, at); ctx.lineTo(bbox.left + bbox.width, at); ctx.stroke();
        ctx.setLineDash([]);
        ctx.fillStyle = ink["ink-3"];
        ctx.textAlign = "left";
        const low = at + 16 * ratio > bbox.top + bbox.height; // under it the days are written
        const above = low || (limit.above && place.clientWidth > 420); // on a phone the alert's own value needs the room above
        ctx.fillText(limit.words, bbox.left + 6 * ratio, above ? at - 5 * ratio : at + 14 * ratio);
      }
      if (data.bandWords && data.bands[0] && place.clientWidth > 420) {
        ctx.fillStyle = ink["ink-3"];
        ctx.textAlign = "left";
        ctx.fillText(data.bandWords, bbox.left + 6 * ratio, y(plot, data.bands[0][1]) + 14 * ratio);
      }
      for (const plan of data.plans) {
        const at = x(plot, plan.at);
        ctx.strokeStyle = ink.accent;
        ctx.lineWidth = 1.5 * ratio;
        ctx.beginPath(); ctx.moveTo(at, bbox.top); ctx.lineTo(at, bbox.top + bbox.height); ctx.stroke();
        ctx.fillStyle = ink.accent;
        const fits = at - bbox.left > ctx.measureText(plan.words).width + 12 * ratio;
        ctx.textAlign = fits ? "right" : "left";
        ctx.fillText(plan.words, at + (fits ? -6 : 6) * ratio, bbox.top + bbox.height - 5 * ratio);
      }
      ctx.restore();
    }

    function dot(ctx, px, py, radius, late) {
      ctx.beginPath();
      ctx.arc(px, py, radius * ratio, 0, 2 * Math.PI);
      ctx.fillStyle = late ? ink.surface : ink.data;
      ctx.fill();
      if (late) { ctx.strokeStyle = ink.data; ctx.lineWidth = 2 * ratio; ctx.stroke(); }
    }

    function diamond(ctx, px, py) {
      const r = 9 * ratio;
      ctx.beginPath();
      ctx.moveTo(px, py - r); ctx.lineTo(px + r, py); ctx.lineTo(px, py + r); ctx.lineTo(px - r, py); ctx.closePath();
      ctx.fillStyle = ink["red-fill"]; ctx.fill();
      ctx.strokeStyle = ink.surface; ctx.lineWidth = 2 * ratio; ctx.stroke();
    }

    function readings(plot) {
      const { ctx, bbox } = plot;
      ctx.save();
      if (!pressure && data.points.length) {
        ctx.strokeStyle = ink.data;
        ctx.lineWidth = 2 * ratio;
        ctx.lineJoin = "round"; ctx.lineCap = "round";
        ctx.beginPath();
        data.points.forEach((point, index) => {
          const joined = index > 0 && point.t - data.points[index - 1].t <= data.breakAfter;
          if (joined) ctx.lineTo(x(plot, point.t), y(plot, point.v[0]));
          else ctx.moveTo(x(plot, point.t), y(plot, point.v[0]));
        });
        ctx.stroke();
      }
      data.points.forEach((point, index) => {
        const px = x(plot, point.t), alone = !pressure && (data.points[index - 1] === undefined || point.t - data.points[index - 1].t > data.breakAfter);
        const tops = point.v.map((value) => y(plot, value));
        if (pressure) {
          ctx.globalAlpha = 0.42;
          ctx.strokeStyle = ink.data;
          ctx.lineWidth = (dense ? 1.5 : 3.5) * ratio;
          ctx.beginPath(); ctx.moveTo(px, tops[0]); ctx.lineTo(px, tops[1]); ctx.stroke();
          ctx.globalAlpha = 1;
          for (const top of point.fired ? tops.slice(1) : tops) dot(ctx, px, top, dense ? 1.5 : 3, point.late);
        } else if (point.late || alone || index === data.points.length - 1) dot(ctx, px, tops[0], index === data.points.length - 1 ? 4 : 3, point.late);
        if (point.fired) diamond(ctx, px, tops[0]);
      });
      const last = data.points.at(-1), told = data.points.findLast((point) => point.fired && (!dense || point === last)) || (pressure ? null : last);
      if (told) {
        const px = x(plot, told.t), py = y(plot, told.v[0]);
        ctx.font = font.say;
        ctx.fillStyle = ink.ink;
        const width = ctx.measureText(told.text).width;
        const left = px - bbox.left > width + 20 * ratio;
        ctx.textAlign = told.fired ? (left ? "right" : "left") : (left ? "right" : "left");
        ctx.textBaseline = "alphabetic";
        ctx.lineWidth = 3 * ratio; ctx.strokeStyle = ink.surface; ctx.lineJoin = "round";
        const tx = px + (told.fired ? (left ? -14 : 14) : 0) * ratio, ty = told.fired ? py + 4 * ratio : py - 9 * ratio;
        ctx.strokeText(told.text, tx, ty);
        ctx.fillText(told.text, tx, ty);
      }
      ctx.restore();
    }

    const span = data.to - data.from;
    const options = {
      width: place.clientWidth,
      height: place.clientHeight,
      padding: [12, 8, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      tzDate: (stamp) => window.uPlot.tzDate(new Date(stamp * 1000), root.dataset.zone),
      scales: { x: { time: true, range: () => [data.from, data.to + span * 0.02] }, y: { range: () => data.scale } },
      axes: [
        { stroke: ink["ink-3"], font: font.axis, size: font.size * 2, gap: 6, space: font.size * (span > 20 * DAY ? 5.5 : 3.6), grid: { show: false }, ticks: { show: false }, values: dates(span) },
        { stroke: ink["ink-3"], font: font.axis, size: font.size * 3, gap: 6, grid: { stroke: ink.grid, width: 1 }, ticks: { show: false }, space: pressure ? 60 : 34 },
      ],
      series: [{}, ...columns.slice(1).map(() => ({ show: true, paths: () => null, points: { show: false } }))],
      hooks: {
        drawClear: [ground],
        drawAxes: [silence, marks],
        draw: [readings],
        setCursor: [(plot) => { if (plot.cursor.idx !== null && plot.cursor.idx !== undefined && plot.cursor.left >= 0) readout.textContent = data.points[plot.cursor.idx]?.said || ""; }],
      },
    };
    place.replaceChildren();
    const plot = new window.uPlot(options, columns, place);
    place.setAttribute("aria-label", data.name);
    figure.dataset.drawn = String(data.points.length);
    return plot;
  }

  function walk(figure, event) {
    const state = states.get(figure);
    if (!state || !state.data.points.length) return;
    const last = state.data.points.length - 1;
    const to = { ArrowLeft: Math.max(0, (state.at ?? last + 1) - 1), ArrowRight: Math.min(last, (state.at ?? -1) + 1), Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    state.at = to;
    const point = state.data.points[to];
    state.plot.setCursor({ left: state.plot.valToPos(point.t, "x"), top: state.plot.valToPos(point.v[0], "y") }, false);
    figure.querySelector(".readout").textContent = point.said;
  }

  const states = new Map();
  async function load(figure) {
    const problem = figure.querySelector(".problem");
    const waiting = setTimeout(() => figure.setAttribute("aria-busy", "true"), 400);
    try {
      const answer = await fetch(figure.dataset.series, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const data = await answer.json();
      states.set(figure, { data, plot: draw(figure, data) });
      problem.hidden = true;
    } catch {
      problem.hidden = false;
    } finally {
      clearTimeout(waiting);
      figure.removeAttribute("aria-busy");
    }
  }
  function redraw() { for (const [figure, state] of states) state.plot = draw(figure, state.data); }

  const figures = [...document.querySelectorAll("figure[data-series]")];
  for (const figure of figures) {
    figure.querySelector(".plot").addEventListener("keydown", (event) => walk(figure, event));
    figure.querySelector(".problem button").addEventListener("click", () => load(figure));
    let width = 0;
    new ResizeObserver(() => {
      const wide = figure.querySelector(".plot").clientWidth;
      if (!wide) return; // hidden for a while, as when a session ended: it is drawn again only if its width has changed
      const state = states.get(figure);
      if (state && width && wide !== width) state.plot = draw(figure, state.data);
      width = wide;
    }).observe(figure);
    load(figure);
  }
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "now" && event.detail.target.id !== "hero") return;
    for (const figure of figures) load(figure);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new MutationObserver(redraw).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
  let theme;
  window.addEventListener("beforeprint", () => { theme = root.dataset.theme; root.dataset.theme = "light"; redraw(); });
  window.addEventListener("afterprint", () => { if (theme === undefined) delete root.dataset.theme; else root.dataset.theme = theme; });
})();
