// What a page owes its readers, as far as a program can see: names, one h1, order of headings,
// contrast of 4.5 to 1 (3 to 1 for large text), targets of 24 pixels, ids that are not repeated.
() => {
  const problems = [];
  const visible = (element) => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const name = (element) => element.tagName.toLowerCase() + "." + (element.id || element.className);

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  function rgba(colour) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  }
  function luminance([red, green, blue]) {
    const part = (value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  }
  function ground(element) {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) {
        return colour;
      }
    }
    return [255, 255, 255, 255];
  }

  for (const element of document.body.querySelectorAll("*")) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!hasText || !visible(element) || element.closest(".unseen, .skip, option")) {
      continue;
    }
    const style = getComputedStyle(element);
    const [one, two] = [luminance(rgba(style.color)), luminance(ground(element))];
    const contrast = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
    if (contrast < (isLarge ? 3 : 4.5)) {
      problems.push(`contrast ${contrast.toFixed(2)}: ${name(element)} "${element.textContent.trim().slice(0, 30)}"`);
    }
    if (size < 12) {
      problems.push(`text of ${size}px: ${name(element)}`);
    }
  }

  const controls = "a[href], button, input:not([type=hidden]), select, textarea, summary";
  for (const element of document.querySelectorAll(controls)) {
    if (!visible(element) || element.closest(".skip")) {
      continue;
    }
    const named = element.labels?.length || element.getAttribute("aria-label") || element.textContent.trim();
    if (!named) {
      problems.push(`no name: ${name(element)}`);
    }
    const target = element.labels?.length ? element.labels[0].contains(element) ? element.labels[0] : element : element;
    const box = target.getBoundingClientRect();
    const isInline = getComputedStyle(element).display === "inline";
    if (!isInline && (box.width < 24 || box.height < 24)) {
      problems.push(`target of ${box.width.toFixed()} x ${box.height.toFixed()}: ${name(element)}`);
    }
  }

  if (document.querySelectorAll("h1").length !== 1) {
    problems.push(`${document.querySelectorAll("h1").length} h1`);
  }
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) {
      problems.push(`${heading.tagName} after H${level}: ${heading.textContent.trim()}`);
    }
    level = next;
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids.filter((id, place) => ids.indexOf(id) !== place))) {
    problems.push(`id repeated: ${id}`);
  }
  for (const attribute of ["aria-labelledby", "aria-describedby", "aria-controls"]) {
    for (const element of document.querySelectorAll(`[${attribute}]`)) {
      for (const id of element.getAttribute(attribute).split(/\s+/)) {
        if (id && !document.getElementById(id)) {
          problems.push(`${attribute} names nothing: ${id}`);
        }
      }
    }
  }
  for (const image of document.querySelectorAll("img:not([alt])")) {
    problems.push(`no alt: ${image.src}`);
  }
  return problems;
}
