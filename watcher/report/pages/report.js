
"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const dialog = document.getElementById("large");
  const image = dialog.querySelector("img");
  const facts = dialog.querySelector(".facts");
  const count = dialog.querySelector(".count");
  let row = [];
  let at = 0;

  // --- the large view ---

  const show = (index) => {
    at = (index + row.length) % row.length;
    const view = row[at];
    const small = view.querySelector("img");
    const { large, width, height } = view.dataset;
    image.src = large || small.src;
    image.width = width || small.width;
    image.height = height || small.height;
    image.alt = small.alt;
    // What is read aloud with each picture is short; paths and commands are there to be gone to.
    const [title, remarks, ...more] = view.parentElement.querySelector("template").content.cloneNode(true).children;
    facts.querySelector(".said").replaceChildren(title, remarks);
    facts.querySelector(".more").replaceChildren(...more);
    count.textContent = `${at + 1} of ${row.length}`;
    offerCopies(facts);
  };
  const open = (view) => {
    row = all("button.view", view.closest(".gallery"));
    show(row.indexOf(view));
    dialog.showModal();
    dialog.querySelector(".next").focus();
  };
  dialog.addEventListener("close", () => {
    row[at].focus();
    image.removeAttribute("src");
  });
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      show(at + step);
    }
  });
  dialog.querySelector(".previous").addEventListener("click", () => show(at - 1));
  dialog.querySelector(".next").addEventListener("click", () => show(at + 1));
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.querySelector(".frame").addEventListener("click", (event) => {
    if (event.target !== image) dialog.close();
  });

  // --- galleries: a click or Enter opens, arrows go from picture to picture ---

  const beside = (views, from, key) => {
    const index = views.indexOf(from);
    if (key === "ArrowRight") return views[index + 1];
    if (key === "ArrowLeft") return views[index - 1];
    const here = from.getBoundingClientRect();
    const down = key === "ArrowDown" ? 1 : -1;
    const rows = views.filter((view) => (view.getBoundingClientRect().top - here.top) * down > here.height / 2);
    const away = (view) => {
      const box = view.getBoundingClientRect();
      return Math.abs(box.top - here.top) * 4 + Math.abs(box.left - here.left);
    };
    return rows.sort((one, other) => away(one) - away(other))[0];
  };
  for (const gallery of all(".gallery")) {
    const views = all("button.view", gallery);
    gallery.addEventListener("click", (event) => {
      const view = event.target.closest("button.view");
      if (view) open(view);
    });
    gallery.addEventListener("keydown", (event) => {
      if (!/^Arrow/.test(event.key) || !views.includes(event.target)) return;
      event.preventDefault();
      beside(views, event.target, event.key)?.focus();
    });
  }

  // --- strips: one stop of the Tab key each, within which arrows go from piece to piece ---

  for (const track of all(".track")) {
    const parts = all("rect", track);
    const readout = track.closest(".strips").querySelector(".readout");
    const told = (part) => part.querySelector("title").textContent;
    let now = 0;
    const tell = (part) => {
      for (const other of parts) other.classList.toggle("here", other === part);
      readout.textContent = part ? `${track.dataset.name}, ${told(part)}` : "";
    };
    const go = (index) => {
      now = Math.max(0, Math.min(parts.length - 1, index));
      track.setAttribute("aria-valuenow", now + 1);
      track.setAttribute("aria-valuetext", told(parts[now]));
      if (document.activeElement === track) tell(parts[now]);
    };
    track.tabIndex = 0;
    track.setAttribute("role", "slider");
    track.setAttribute("aria-label", track.querySelector("svg").getAttribute("aria-label"));
    track.setAttribute("aria-valuemin", 1);
    track.setAttribute("aria-valuemax", parts.length);
    go(0);
    track.addEventListener("focus", () => go(now));
    track.addEventListener("blur", () => tell(null));
    const under = (event) => {
      const box = track.getBoundingClientRect();
      const minute = ((event.clientX - box.left) / box.width) * 1440;
      return parts.findLastIndex((part) => part.x.baseVal.value <= minute);
    };
    track.addEventListener("pointermove", (event) => tell(parts[under(event)]));
    track.addEventListener("pointerdown", (event) => go(under(event)));
    track.addEventListener("pointerleave", () => tell(document.activeElement === track ? parts[now] : null));
    track.addEventListener("keydown", (event) => {
      const to = { ArrowRight: now + 1, ArrowUp: now + 1, ArrowLeft: now - 1, ArrowDown: now - 1, Home: 0, End: parts.length }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      go(to);
    });
  }

  // --- commands to copy ---

  const copy = async (button) => {
    const line = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(line.textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    } catch {
      getSelection().selectAllChildren(line);
    }
  };
  const offerCopies = (within) => {
    for (const button of all(".copy", within)) button.hidden = false;
  };
  offerCopies(document);
  document.addEventListener("click", (event) => {
    if (event.target.matches(".copy")) copy(event.target);
  });
})();
