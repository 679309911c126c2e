// Fetches the same page again and swaps its <main>, so that an open page stays current without a flash.
// Nothing is swapped while a form element has the focus: a choice half made is not taken away.
const period = Number(document.body.dataset.refreshS) * 1000;
async function refresh() {
  if (document.hidden || document.activeElement.closest("form")) return;
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const place of ["main", "header"]) document.querySelector(place).replaceWith(page.querySelector(place));
    document.body.classList.remove("lost");
  } catch {
    document.body.classList.add("lost");
  }
}
if (period) setInterval(refresh, period);
