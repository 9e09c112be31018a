// Airflow shows this page in a frame that may not leave itself. Two things need a hand from inside:
// the colours follow Airflow's own switch, and links to Airflow's pages open in Airflow instead of in the frame.
// Without this script the page works all the same: it follows the system's colours, and such links open here.
(() => {
  "use strict";
  const framed = window.parent !== window;
  let outside = null;
  try {
    outside = framed ? window.parent.document : null;
  } catch {
    outside = null; // framed by somebody else: none of our business
  }
  if (!outside) return;

  const root = document.documentElement;
  const follow = () => {
    const dark = outside.documentElement.classList.contains("dark");
    const light = outside.documentElement.classList.contains("light");
    if (dark || light) root.dataset.theme = dark ? "dark" : "light";
  };
  root.dataset.framed = "";
  follow();
  const watcher = new MutationObserver(follow);
  watcher.observe(outside.documentElement, { attributes: true, attributeFilter: ["class"] });
  window.addEventListener("pagehide", () => watcher.disconnect());

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-airflow]");
    if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const there = outside.createElement("a");
    there.href = link.href;
    outside.body.append(there);
    there.click();
    there.remove();
  });
})();
