"use strict";
// A large file is uploaded in parts and worked on beside the requests. A form says by `data-long-files` where such jobs
// begin; a small file is sent with its form as ever.

(() => {
  const LONG_BYTES = 1_000_000;
  const headers = () => ({ ...JSON.parse(document.body.getAttribute("hx-headers")), "HX-Request": "true" });

  function show(target, sentence, share) {
    target.replaceChildren();
    const notice = document.createElement("p");
    notice.className = share === undefined ? "notice bad" : "notice warn";
    if (share === undefined) notice.setAttribute("role", "alert");
    notice.textContent = sentence;
    if (share !== undefined) {
      const bar = document.createElement("progress");
      bar.max = 1;
      bar.value = share;
      bar.setAttribute("aria-label", sentence);
      notice.append(" ", bar);
    }
    target.append(notice);
  }

  async function send(address, body) {
    const answer = await fetch(address, { method: "POST", headers: headers(), body });
    if (!answer.ok) throw new Error(answer.status === 422 ? await answer.text() : "");
    return answer;
  }

  async function upload(form, file, apply, target) {
    const words = form.dataset;
    const about = new FormData();
    for (const name of ["kind", "day", "why", "source"]) if (form.elements[name]) about.set(name, form.elements[name].value);
    if (words.longKind) about.set("kind", words.longKind);
    about.set("file_name", file.name);
    about.set("size", file.size);
    if (apply) about.set("apply", "1");
    try {
      const job = await (await send(words.longFiles, about)).json();
      const parts = Math.ceil(file.size / job.part_bytes);
      for (let number = 0; number < parts; number += 1) {
        show(target, words.uploading, number / parts);
        const begin = number * job.part_bytes;
        await send(`${job.parts}?n=${number}`, file.slice(begin, begin + job.part_bytes, "application/octet-stream"));
      }
      await htmx.ajax("GET", job.page, { target, swap: "innerHTML" });
    } catch (error) {
      show(target, error.message || words.uploadFailed);
    }
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt: form, requestConfig, target } = event.detail;
    if (!(form instanceof HTMLFormElement) || !form.dataset.longFiles) return;
    const file = form.elements.file.files[0];
    const kind = form.dataset.longKind || form.elements.kind.value;
    // A day's supply has a row a spec.
    if (!file || file.size <= LONG_BYTES || kind === "supply") return;
    event.preventDefault();
    upload(form, file, requestConfig.formData.has("apply"), target);
  });
})();
