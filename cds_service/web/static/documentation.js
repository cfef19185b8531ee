// With this script, a signed answer is sent without leaving the page: the button says that it is being sent, and the new
// page takes the place of the old one. Without it the form works all the same: the server answers with the whole page.
"use strict";

const news = document.getElementById("news");

function say(text) {
  news.textContent = text;
}

function unfolded() {
  return [...document.querySelectorAll("details[open]")].map((each) => each.id).filter(Boolean);
}

function show(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const main = fresh.querySelector("main");
  if (!main) {
    throw new Error("no page came back");
  }
  const open = unfolded();
  document.title = fresh.title;
  document.querySelector("main").replaceWith(main);
  const [printed, renewed] = [document.querySelector(".fax"), fresh.querySelector(".fax")];
  if (printed && renewed) {
    printed.replaceWith(renewed);
  }
  open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
  offerPrint();
  const place = document.getElementById("problem") || document.getElementById("outcome") || main;
  place.focus({ preventScroll: true });
  place.scrollIntoView({ block: "start" });
  // A reader hears this from a place that stays, whatever of the page was replaced.
  const told = place.id === "problem" ? place.querySelector("h2") : place.querySelector("[role=status]");
  say((told || place).textContent.replace(/\s+/g, " ").trim());
  news.classList.add("unseen");
}

function offerPrint() {
  document.querySelectorAll(".printing").forEach((each) => { each.hidden = false; });
}

function disable(disabled) {
  document.querySelectorAll("#statement button").forEach((button) => { button.disabled = disabled; });
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) {
    window.print();
  }
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.id !== "statement" || !event.submitter) {
    return;
  }
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const button = event.submitter;
  const label = button.innerHTML;
  disable(true);
  button.textContent = "Sending…";
  news.classList.remove("unseen");
  say("Sending…");
  let answered = false;
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
    answered = true;
    show(await answer.text());
  } catch {
    button.innerHTML = label;
    say(answered
      ? "The service answered, but with no page that can be shown. Your answers are still here: send them again."
      : "Your answers could not be sent: the service did not answer. They are still here: send them again.");
  }
  disable(false);
});

offerPrint();
