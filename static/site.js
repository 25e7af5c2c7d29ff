// What pages do beyond HTML and htmx: colours, "/" for the search, copying, time left.
(function () {
  "use strict";

  const THEMES = ["auto", "light", "dark"];
  const THEME_WORDS = { auto: "like the system", light: "light", dark: "dark" };

  function currentTheme() {
    return document.documentElement.dataset.theme || "auto";
  }

  function showTheme(button) {
    const theme = currentTheme();
    button.hidden = false;
    button.querySelector("[data-theme-word]").textContent = THEME_WORDS[theme];
    const use = button.querySelector("use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, "#theme-" + theme));
  }

  function nextTheme(button) {
    const theme = THEMES[(THEMES.indexOf(currentTheme()) + 1) % THEMES.length];
    if (theme === "auto") {
      delete document.documentElement.dataset.theme;
    } else {
      document.documentElement.dataset.theme = theme;
    }
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // No storage: for this page only.
    }
    showTheme(button);
  }

  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
    } catch {
      // Without HTTPS there is no clipboard: select it, so that Ctrl+C does.
      getSelection().selectAllChildren(source);
      announce("Selected. Press Ctrl and C to copy.");
      return;
    }
    button.querySelector("[data-copy-word]").textContent = "Copied";
    announce("Copied.");
  }

  function announce(text) {
    const place = document.getElementById("announcement");
    if (place) {
      place.textContent = text;
    }
  }

  function isTyping(target) {
    return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
  }

  function hasShortcut() {
    try {
      return localStorage.getItem("shortcut") !== "off";
    } catch {
      return true;
    }
  }

  function showShortcut(button) {
    button.hidden = false;
    button.setAttribute("aria-pressed", String(hasShortcut()));
    button.querySelector("[data-shortcut-word]").textContent = hasShortcut() ? "on" : "off";
  }

  function switchShortcut(button) {
    try {
      localStorage.setItem("shortcut", hasShortcut() ? "off" : "on");
    } catch {
      // No storage: it stays on.
    }
    showShortcut(button);
  }

  function onKey(event) {
    const search = document.getElementById("search");
    if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (event.key === "/" && hasShortcut() && !isTyping(event.target)) {
      event.preventDefault();
      if (search) {
        search.focus();
        search.select();
      } else {
        location.assign(document.body.dataset.home);
      }
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      moveThroughResults(event, search);
    }
  }

  function moveThroughResults(event, search) {
    const links = [...document.querySelectorAll("#search-results a")];
    const place = links.indexOf(document.activeElement);
    if (!search || links.length === 0 || (place < 0 && document.activeElement !== search)) {
      return;
    }
    event.preventDefault();
    const next = place + (event.key === "ArrowDown" ? 1 : -1);
    (next < 0 ? search : links[Math.min(next, links.length - 1)]).focus();
  }

  function showTimeLeft() {
    for (const element of document.querySelectorAll("[data-until]")) {
      const seconds = Math.max(0, Math.round((Date.parse(element.dataset.until) - Date.now()) / 1000));
      const text = Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
      element.textContent = seconds ? text + " left" : "time is up";
    }
  }

  function showTitle() {
    const live = document.getElementById("offer-live");
    if (live) {
      document.title = live.dataset.title;
    }
  }

  function showConnection(isThere) {
    const notice = document.getElementById("connection");
    if (notice && notice.hidden !== isThere) {
      notice.hidden = isThere;
    }
  }

  document.addEventListener("keydown", onKey);
  document.addEventListener("click", function (event) {
    const button = event.target.closest("button");
    if (button && button.id === "theme") {
      nextTheme(button);
    } else if (button && button.id === "shortcut") {
      switchShortcut(button);
    } else if (button && button.dataset.copy) {
      copy(button);
    }
  });
  document.addEventListener("htmx:afterSwap", function () {
    showTitle();
    showTimeLeft();
  });
  for (const failure of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(failure, function () {
      showConnection(false);
    });
  }
  document.addEventListener("htmx:beforeOnLoad", function (event) {
    showConnection(event.detail.xhr.status < 500);
  });
  const theme = document.getElementById("theme");
  if (theme) {
    showTheme(theme);
  }
  const shortcut = document.getElementById("shortcut");
  if (shortcut) {
    showShortcut(shortcut);
  }
  const wrong = document.querySelector("[aria-invalid=true]");
  if (wrong) {
    wrong.focus();
  }
  showTimeLeft();
  setInterval(showTimeLeft, 1000);
})();
