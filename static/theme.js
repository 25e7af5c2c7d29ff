// Before the first paint: the colours somebody chose, else those of the system.
(function () {
  "use strict";
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") {
      document.documentElement.dataset.theme = chosen;
    }
  } catch {
    // No storage: the system's colours.
  }
})();
