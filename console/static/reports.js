"use strict";
// The plots of a report: bars side by side, from the numbers the tables show.

(() => {
  const COLOURS = ["#0a5a8a", "#c8761a"];
  const plots = JSON.parse(document.getElementById("plots").textContent);

  for (const place of document.querySelectorAll("[data-plot]")) {
    const whole = plots[place.dataset.plot];
    if (!whole.labels.length) continue;
    const count = whole.series.length;
    const bars = (number) => uPlot.paths.bars({ size: [0.6 / count, 40], align: number * 2 - 1 });
    const draw = () => {
      place.replaceChildren();
      // A narrow screen shows fewer: only the largest specs, and only every nth label of the days.
      const slots = Math.max(4, Math.floor(place.clientWidth / 42));
      const kept = place.dataset.plot === "days" ? whole.labels.length : slots;
      const every = Math.ceil(Math.min(whole.labels.length, kept) / slots);
      const labels = whole.labels.slice(0, kept);
      const series = whole.series.map((one) => ({ ...one, values: one.values.slice(0, kept) }));
      new uPlot(
        {
          width: place.clientWidth,
          height: 260,
          padding: [null, labels.length > 6 ? 60 : 10, null, null],
          cursor: { show: false },
          legend: { live: false },
          scales: { x: { time: false, range: [-0.6, labels.length - 0.4] }, y: { range: (_plot, _least, most) => [0, Math.max(1, most) * 1.1] } },
          axes: [
            { splits: () => labels.map((_label, at) => at), values: (_plot, at) => at.map((one) => (one % every === 0 ? labels[one] : "")), rotate: labels.length > 6 ? -45 : 0, size: labels.length > 6 ? 110 : 40, grid: { show: false } },
            { size: 50 },
          ],
          series: [{}, ...series.map((one, number) => ({ label: one.label, stroke: COLOURS[number], fill: COLOURS[number], width: 0, paths: bars(number), points: { show: false } }))],
        },
        [labels.map((_label, at) => at), ...series.map((one) => one.values)],
        place,
      );
    };
    draw();
    window.addEventListener("resize", draw);
  }
})();
