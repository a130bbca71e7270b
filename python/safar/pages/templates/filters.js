// Makes the numbers of a page anew for the customers that its reader chooses: sums over groups of customers stand in the
// page, and elements say how they are made of them (data-live: text; data-heat, data-length …: shade and size).
"use strict";
const follow = async (page) => {
  const packed = Uint8Array.from(atob(page.querySelector("script.sums").textContent), (sign) => sign.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = JSON.parse(await new Response(unpacked).text());
  const form = page.querySelector("form.filters");
  const { groups, sums, signs, large, missing, steps, few, span, statuses } = data;
  const number = /\ue000([^;]*);([^\ue001]*)\ue001/g;
  const attributes = ["aria-label", "title"];
  const z = 1.959963984540054;

  // ------------------------------------------------------------------------------------------- recipes
  const wilson = (sign) => (k, n) => {
    if (!(n > 0)) return NaN;
    if (sign < 0 && k === 0) return 0;
    if (sign > 0 && k === n) return 1;
    const share = k / n;
    const half = z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
    return (share + (z * z) / (2 * n) + sign * half) / (1 + (z * z) / n);
  };
  const score = (p, d, n) => (n > 0 ? (100 * (p - d)) / n : NaN);
  // Adjusted Wald: three quarters of an answer more at both ends, three in all; widened to hold the score.
  const wald = (sign) => (p, d, n) => {
    if (!(n > 0)) return NaN;
    const [up, down, all] = [p + 0.75, d + 0.75, n + 3];
    const centre = (up - down) / all;
    const end = centre + sign * z * Math.sqrt(((up + down) / all - centre * centre) / all);
    const widest = sign < 0 ? Math.min(end, (p - d) / n) : Math.max(end, (p - d) / n);
    return 100 * Math.max(-1, Math.min(1, widest));
  };
  const functions = {
    n: (sum) => sum,
    r: (part, whole) => (whole ? part / whole : NaN),
    wl: wilson(-1), wh: wilson(1), s: score, sl: wald(-1), sh: wald(1),
  };
  // A view of the sums: of some groups, or of all.
  const view = (chosen) => {
    const known = new Map();
    const total = (place) => {
      if (!known.has(place)) {
        const [at, values] = sums[place];
        known.set(place, at.reduce((all, group, i) => (chosen[group] ? all + values[i] : all), 0));
      }
      return known.get(place);
    };
    return (recipe) => {
      const [rest, factor] = recipe.split("*");
      const [name, list] = rest.split(":");
      const values = list.split(",").map((each) => each.split("+").reduce((all, place) => all + total(+place), 0));
      return functions[name](...values) * (factor ? +factor : 1);
    };
  };

  // ------------------------------------------------------------------------------------------- numbers as text
  const written = (text) => Array.from(text, (sign) => signs[sign] ?? sign).join("");
  // The nearest decimal of the binary number, and of two as near the even one, as Python has it.
  const fixed = (value, decimals, grouped = true) => {
    const scaled = Math.abs(value) * 10 ** decimals;
    const tie = (value * 2 ** (decimals + 1)) % 1 === 0 && scaled % 1 === 0.5;
    const down = Math.floor(scaled);
    const size = tie ? (down + (down % 2)) / 10 ** decimals : Math.abs(value);
    const [whole, rest] = size.toFixed(decimals).split(".");
    const text = (grouped ? whole.replace(/\B(?=(\d{3})+$)/g, ",") : whole) + (rest ? `.${rest}` : "");
    return value < 0 && /[1-9]/.test(text) ? `-${text}` : text;
  };
  const rounded = (value, decimals) => +fixed(value, decimals, false);
  const forms = {
    count: (value) => written(fixed(value, 0)),
    number: (value, decimals = 1) => {
      let places = +decimals;
      const size = Math.abs(value);
      if (size > 0 && size < 1) places = Math.max(places, Math.min(6, 1 - Math.floor(Math.log10(size))));
      if (Math.abs(rounded(value, places)) >= 1000) return forms.count(value);
      const text = fixed(value, places);
      return written(places ? text.replace(/0+$/, "").replace(/\.$/, "") : text);
    },
    amount: (value) => {
      if (Number.isInteger(value)) return forms.count(value);
      return Math.abs(value) < 1 ? forms.number(value) : written(fixed(value, 2));
    },
    compact: (value) => {
      const steps = [...large.slice(1).map((each) => each[1] / 10), 1];
      for (const [i, [least, unit, word]] of large.entries()) {
        if (Math.abs(rounded(value / steps[i], 0) * steps[i]) >= least) return written(fixed(value / unit, 1)) + word;
      }
      return Math.abs(rounded(value, 1)) >= 100 ? forms.count(value) : forms.number(value);
    },
    share: (value, decimals = 1) => {
      const places = +decimals;
      const percent = rounded(100 * value, places);
      if (percent === 0 && value > 0) return written(`<${fixed(0.1 ** places, places)}%`);
      if (percent === 100 && value < 1) return written(`>${fixed(100 - 0.1 ** places, places)}%`);
      return written(`${fixed(percent, places)}%`);
    },
    percent: (value) => written(100 * value > 0 && 100 * value < 0.5 ? "<1" : fixed(100 * value, 0)),
    signed: (value) => {
      const whole = rounded(value, 0);
      return written(whole ? (whole > 0 ? "+" : "") + fixed(value, 0, false) : "0");
    },
  };
  // A text of which no number is known is not known.
  const filled = (text, value) => {
    let known = false;
    const made = text.replace(number, (_, form, recipe) => {
      const [name, ...details] = form.split(" ");
      const found = value(recipe);
      known ||= Number.isFinite(found);
      return Number.isFinite(found) ? forms[name](found, ...details) : missing;
    });
    return known || !text.includes("\ue000") ? made : missing;
  };

  // ------------------------------------------------------------------------------------------- colours
  // The style sheet gives the steps of a scale their colours.
  const step = (share) => Math.floor(Math.min(1, Math.max(0, share)) * steps + 0.5);
  const tint = (element, value) => {
    const root = element.closest("[data-whole]");
    const whole = root ? value(root.dataset.whole) : NaN;
    const own = value(element.dataset.score);
    if (!(value(element.dataset.answers) >= few) || !Number.isFinite(own) || !Number.isFinite(whole)) return "score-none";
    return `score-${step(((own - whole) / span + 1) / 2)}`;
  };

  // ------------------------------------------------------------------------------------------- elements
  const kept = new Map();
  const keep = (element, ...names) => {
    if (!kept.has(element)) kept.set(element, {});
    for (const name of names) kept.get(element)[name] ??= element.getAttribute(name);
  };
  const set = (element, name, value) => {
    keep(element, name);
    element.setAttribute(name, value);
  };
  const original = (element, name) => kept.get(element)?.[name] ?? element.getAttribute(name);
  const ownText = (element) => Array.from(element.childNodes).find((node) => node.nodeType === Node.TEXT_NODE);
  const texts = Array.from(page.querySelectorAll("[data-live]"), (element) => [element, element.textContent && ownText(element)?.data]);

  const keepText = (element) => {
    if (!texts.some(([known]) => known === element)) texts.push([element, ownText(element).data]);
  };
  const axis = (drawing) => (drawing.dataset.axis ?? "0 0").split(" ").map(Number);
  const largest = new Map();
  const most = (drawing, value) => {
    if (!largest.has(drawing)) {
      const recipes = Array.from(drawing.querySelectorAll("[data-width],[data-length],[data-x2],[data-area],[data-rise]"), ({ dataset }) =>
        dataset.width ?? dataset.length ?? dataset.x2 ?? dataset.area ?? dataset.rise);
      largest.set(drawing, Math.max(1e-12, ...recipes.map(value).filter(Number.isFinite)));
    }
    return largest.get(drawing);
  };
  const at = (element, recipe, value) => {
    const drawing = element.closest("svg");
    const [start, end] = axis(drawing);
    const size = value(recipe);
    return start + ((end - start) * (Number.isFinite(size) ? size : 0)) / most(drawing, value);
  };
  const pointsOf = (element) => Array.from(original(element, "d").matchAll(/(-?[\d.]+),(-?[\d.]+)/g), (found) => [+found[1], +found[2]]);
  const vertical = (element) => element.closest("svg").dataset.vertical.split(" ").slice(0, 2).map(Number);
  // The vertical axis of a drawing: as many values as it has, as round as they were; counts begin at 0.
  const scales = new Map();
  const heightOf = (element, value) => {
    const drawing = element.closest("svg");
    if (!scales.has(drawing)) scales.set(drawing, scaled(drawing, value));
    return (recipe) => scales.get(drawing)(value(recipe));
  };
  const scaled = (drawing, value) => {
    const [floor, top, ...form] = drawing.dataset.vertical.split(" ");
    const recipes = Array.from(drawing.querySelectorAll("[data-y],[data-upper]"), ({ dataset }) =>
      [dataset.y, dataset.upper, dataset.lower].filter(Boolean).join(" ").split(" ")).flat();
    const values = recipes.map(value).filter(Number.isFinite);
    const ticks = Array.from(drawing.querySelectorAll("[data-tick]"));
    const counts = form[0] === "compact";
    const low = counts ? 0 : Math.min(...values, 0);
    const least = counts ? ticks.length - 1 : form[0] === "signed" ? 10 : 0.1;
    const high = Math.max(...values, low + least);
    const raw = (high - low) / (ticks.length - 1);
    const magnitude = 10 ** Math.floor(Math.log10(raw));
    const reaches = (step) => Math.floor(low / step + 1e-9) * step + (ticks.length - 1) * step >= high - 1e-9;
    const steps = [1, 2, 2.5, 5, 10, 20, 25, 50].map((factor) => factor * magnitude);
    const step = steps.find((each) => reaches(each) && (!counts || Number.isInteger(each)));
    const bottom = Math.floor(low / step + 1e-9) * step;
    const [name, ...details] = form;
    for (const [i, tick] of ticks.entries()) {
      keepText(tick);
      ownText(tick).data = forms[name](bottom + i * step, ...details);
    }
    return (each) => +floor - ((each - bottom) / (step * (ticks.length - 1))) * (floor - top);
  };
  const sizes = {
    heat(element, value) {
      const share = value(element.dataset.heat);
      set(element, "class", Number.isFinite(share) ? `ramp-${step(share)}` : "");
    },
    least(element, value) {
      const target = +element.dataset.target;
      const up = element.dataset.up === "up";
      const [least, most] = [value(element.dataset.least), value(element.dataset.most)];
      const met = up ? least >= target : most <= target;
      const missed = up ? most < target : least > target;
      const known = Number.isFinite(least) && Number.isFinite(most);
      ownText(element).data = known ? statuses[met ? "met" : missed ? "missed" : "unclear"] : missing;
    },
    length(element, value) {
      const start = axis(element.closest("svg"))[0];
      const end = at(element, element.dataset.length, value);
      set(element, "x", Math.min(start, end));
      set(element, "width", Math.abs(end - start));
      const all = Array.from(element.closest("svg").querySelectorAll("[data-length]"), (bar) => value(bar.dataset.length));
      const longest = value(element.dataset.length) === Math.max(...all.filter(Number.isFinite));
      set(element, "fill", `var(--${longest ? "blue" : "steel"})`);
    },
    x1(element, value) {
      const known = ["x1", "x2"].every((name) => Number.isFinite(value(element.dataset[name])));
      set(element, "visibility", known ? "visible" : "hidden");
      for (const name of ["x1", "x2"]) set(element, name, at(element, element.dataset[name], value));
    },
    width(element, value) {
      const centre = +original(element, "x") + original(element, "width") / 2;
      const width = at(element, element.dataset.width, value) - axis(element.closest("svg"))[0];
      set(element, "x", centre - Math.abs(width) / 2);
      set(element, "width", Math.abs(width));
    },
    from(element, value) {
      const points = original(element, "d").match(/-?[\d.]+/g).map(Number);
      const centre = (points[0] + points[2]) / 2;
      const start = axis(element.closest("svg"))[0];
      const [upper, lower] = ["from", "to"].map((name) => Math.abs(at(element, element.dataset[name], value) - start) / 2);
      const [top, bottom] = [points[1], points[5]];
      set(element, "d", `M${centre - upper},${top}L${centre + upper},${top}L${centre + lower},${bottom}L${centre - lower},${bottom}Z`);
    },
    meter(element, value) {
      const share = value(element.dataset.meter);
      set(element, "style", `inline-size:${Number.isFinite(share) ? 100 * share : 0}%`);
    },
    rise(element, value) {
      const [floor, top] = vertical(element);
      const height = ((floor - top) * value(element.dataset.rise)) / most(element.closest("svg"), value);
      set(element, "y", floor - height);
      set(element, "height", height);
    },
    above(element, value) {
      const [floor, top] = vertical(element);
      set(element, "y", floor - ((floor - top) * value(element.dataset.above)) / most(element.closest("svg"), value) - 5);
    },
    y(element, value) {
      const y = heightOf(element, value)(element.dataset.y);
      set(element, "cy", Number.isFinite(y) ? y : 0);
      set(element, "visibility", Number.isFinite(y) ? "visible" : "hidden");
    },
    line(element, value) {
      const points = pointsOf(element);
      const place = heightOf(element, value);
      let open = false;
      const corners = element.dataset.line.split(" ").map((recipe, i) => {
        const y = place(recipe);
        const corner = Number.isFinite(y) ? `${open ? "L" : "M"}${points[i][0]},${y}` : "";
        open = Number.isFinite(y);
        return corner;
      });
      set(element, "d", corners.join("") || "M0,0");
    },
    upper(element, value) {
      const points = pointsOf(element);
      const place = heightOf(element, value);
      const [upper, lower] = ["upper", "lower"].map((name) => element.dataset[name].split(" ").map(place));
      // A band for each stretch of which everything is known.
      const stretches = [[]];
      for (const i of upper.keys()) {
        if (Number.isFinite(upper[i]) && Number.isFinite(lower[i])) stretches.at(-1).push(i);
        else stretches.push([]);
      }
      const bands = stretches.filter((stretch) => stretch.length > 1).map((stretch) => {
        const there = stretch.map((i) => `${points[i][0]},${upper[i]}`);
        const back = stretch.reverse().map((i) => `${points[i][0]},${lower[i]}`);
        return `M${[...there, ...back].join("L")}Z`;
      });
      set(element, "d", bands.join("") || "M0,0");
    },
    crop(element) {
      const [, , width] = element.getAttribute("viewBox").split(" ");
      set(element, "viewBox", `0 0 ${width} ${element.dataset.crop}`);
    },
    area(element, value) {
      const size = value(element.dataset.area);
      set(element, "r", size > 0 ? Math.max(4, 15 * Math.sqrt(size / most(element.closest("svg"), value))) : 0);
    },
    score(element, value) {
      const name = tint(element, value);
      if (element.tagName === "circle") set(element, "fill", `var(--${name})`);
      else set(element, "class", name);
    },
  };

  const restore = () => {
    for (const [element, text] of texts) if (text !== undefined && ownText(element)) ownText(element).data = text;
    for (const [element, names] of kept) {
      for (const [name, value] of Object.entries(names)) {
        if (value === null) element.removeAttribute(name);
        else element.setAttribute(name, value);
      }
    }
  };
  const show = (value) => {
    for (const [element] of texts) {
      const node = "live" in element.dataset && ownText(element);
      if (node) node.data = filled(element.dataset.live, value);
      if (element.hasAttribute("value")) {
        keep(element, "value");
        element.removeAttribute("value");
      }
    }
    for (const name of attributes) {
      for (const element of page.querySelectorAll(`[data-live-${name}]`)) {
        set(element, name, filled(element.getAttribute(`data-live-${name}`), value));
      }
    }
    largest.clear();
    scales.clear();
    for (const name of Object.keys(sizes)) {
      for (const element of page.querySelectorAll(`[data-${name}]`)) sizes[name](element, value);
    }
  };

  // ------------------------------------------------------------------------------------------- choice
  const bounds = Array.from(form.querySelectorAll("[data-dimension]"), (field) => {
    const [from, to] = field.querySelectorAll("select");
    return { dimension: +field.dataset.dimension, from, to };
  });
  const stage = form.elements.stage;
  const everybody = groups.map(() => true);
  const chosen = () =>
    groups.map((places) =>
      bounds.every(({ dimension, from, to }) => {
        if (!to) return from.value === "" || places[dimension] === +from.value;
        return places[dimension] >= +from.value && places[dimension] <= +to.value;
      }));
  const update = (event) => {
    // What was just chosen stays, and the other end gives way.
    for (const { from, to } of bounds) {
      if (to && +from.value > +to.value) {
        if (event?.target === to) from.value = to.value;
        else to.value = from.value;
      }
    }
    const mask = chosen();
    const filtered = mask.includes(false);
    page.classList.toggle("filtered", filtered);
    page.classList.toggle("staged", Boolean(stage?.value));
    restore();
    const value = view(filtered ? mask : everybody);
    if (filtered) show(value);
    const output = form.querySelector("output");
    output.textContent = filled(output.dataset.said, value);
    for (const element of page.querySelectorAll("[data-stage]")) {
      element.hidden = Boolean(stage?.value) && element.dataset.stage !== stage.value;
    }
    // A list of which nothing is left says so.
    for (const said of page.querySelectorAll(".alone")) {
      said.hidden = Boolean(said.previousElementSibling.querySelector("[data-stage]:not([hidden])"));
    }
  };
  form.addEventListener("change", update);
  form.addEventListener("reset", () => setTimeout(() => {
    update();
    // The button goes, and the place of the keyboard with it.
    form.querySelector("select").focus();
  }));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  update();
  return update;
};
// A page in each language has sums of its own, since months are those of its calendar.
const pages = Array.from(document.querySelectorAll(".page")).filter((page) => page.querySelector("form.filters"));
const followed = new Map(pages.map((page) => [page, follow(page)]));
// What was chosen last holds in every language. Months have other bounds there: it is the month that begins nearest, and
// all stay all.
const nearest = (chosen, select) => {
  const [own, others] = [chosen.selectedIndex, select.options];
  if (own === 0 || own === chosen.options.length - 1) return own ? others.length - 1 : 0;
  const away = Array.from(others, (option) => Math.abs(option.dataset.day - chosen.options[own].dataset.day));
  return away.indexOf(Math.min(...away));
};
const carry = (from, to) => {
  const fields = new Map(Array.from(from.querySelectorAll("[data-name]"), (field) => [field.dataset.name, field]));
  for (const field of to.querySelectorAll("[data-name]")) {
    const chosen = fields.get(field.dataset.name)?.querySelectorAll("select") ?? [];
    for (const [end, select] of field.querySelectorAll("select").entries()) {
      if (chosen[end]) select.selectedIndex = chosen.length > 1 ? nearest(chosen[end], select) : chosen[end].selectedIndex;
    }
  }
  const [stage, other] = [from, to].map((page) => page.querySelector("select[name=stage]"));
  if (stage && other) other.value = stage.value;
};
let edited = pages[0];
for (const page of pages) {
  for (const kind of ["change", "reset"]) page.querySelector("form.filters").addEventListener(kind, () => (edited = page));
  document.getElementById(`language-${page.lang}`)?.addEventListener("change", async () => {
    if (page === edited) return;
    carry(edited, page);
    (await followed.get(page))();
  });
}
