// With this script, sending one answer renews its row and the outcome, and leaves the rest of the page as it is.
// Without it the form works all the same: the server answers with the whole page.
"use strict";

const news = () => document.getElementById("news");

function replaced(id, fresh) {
  const old = document.getElementById(id);
  const renewed = fresh.getElementById(id);
  if (old && renewed) {
    old.replaceWith(renewed);
  } else if (old) {
    old.remove();
  }
  return renewed;
}

function rowIds(page) {
  return [...page.querySelectorAll(".criterion")].map((row) => row.id).join(" ");
}

function showWhole(fresh) {
  document.querySelector("main").replaceWith(fresh.querySelector("main"));
  const place = document.getElementById("problem") || document.getElementById("outcome");
  if (place) {
    place.focus();
  }
}

function showRow(section, fresh) {
  const row = `row-${section}`;
  replaced("outcome", fresh);
  replaced("protection", fresh);
  replaced("problem", fresh);
  for (const each of document.querySelectorAll(".criterion.changed")) {
    if (each.id !== row) {
      each.classList.remove("changed");
    }
  }
  replaced(row, fresh)?.focus();
  news().textContent = document.querySelector("#outcome .verdict").textContent;
}

function show(section, text, ok) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  if (!fresh.querySelector("main")) {
    throw new Error("no page came back");
  }
  document.title = fresh.title;
  const sameRows = rowIds(fresh) === rowIds(document);
  if (ok && sameRows && document.getElementById(`row-${section}`)) {
    showRow(section, fresh);
  } else {
    showWhole(fresh);
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.id !== "statement" || !event.submitter) {
    return;
  }
  event.preventDefault();
  const section = event.submitter.value;
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const buttons = form.querySelectorAll("button");
  buttons.forEach((button) => { button.disabled = true; });
  news().textContent = "Sending.";
  let answered = false;
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
    answered = true;
    show(section, await answer.text(), answer.ok);
  } catch {
    news().textContent = answered
      ? "The service answered, but with no page that can be shown. Your answers are still here: send them again."
      : "Your answers could not be sent: the service did not answer. They are still here: send them again.";
  }
  document.querySelectorAll("#statement button").forEach((button) => { button.disabled = false; });
});
