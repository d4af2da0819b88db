"use strict";
// A telephone of an exchange of one's own, by SIP over a WebSocket and WebRTC (JsSIP), as softphone.js drives it.

(() => {
  // Exchanges look at the name only, and connections are found by the socket.
  const DOMAIN = "hotline.invalid";
  const REGISTERED_FOR_S = 30;
  // In a call JsSIP connects again by itself, and the call goes on.
  const RECOVERY_S = { connection_recovery_min_interval: 1, connection_recovery_max_interval: 4 };
  // A talk in which nothing at all comes through for this long is over; the exchange ends it as well.
  const SILENT_FOR_MS = 10000;
  // The ways to this machine that are found later than this are not needed to be heard.
  const CANDIDATES_WITHIN_MS = 500;
  // Where there is a TURN server, the way through it is waited for: it may be the only one.
  const RELAY_WITHIN_MS = 3000;
  const CHANGED_WITHIN_MS = 5000;
  const AGAIN_AFTER_MS = 1000;
  const KEY_MS = { duration: 120, interToneGap: 80 };
  const BUSY = { status_code: 486 };
  const UNAVAILABLE = { status_code: 480 };
  const REFUSALS = [401, 403, 404];

  // The microphone of a call. One that is unplugged is replaced by the one that is left.
  class Microphone {
    #stream = null;
    #muted = false;
    #closed = false;
    #replace;
    #fail;

    constructor(replace, fail) { this.#replace = replace; this.#fail = fail; }

    async open() {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      if (this.#closed) { stream.getTracks().forEach((track) => track.stop()); return null; }
      const [track] = stream.getAudioTracks();
      track.enabled = !this.#muted;
      track.addEventListener("ended", this.#reopen);
      this.#stream = stream;
      return stream;
    }

    #reopen = async () => {
      if (this.#closed || this.#stream.getAudioTracks()[0].readyState === "live") return;
      try {
        const stream = await this.open();
        if (stream !== null) this.#replace(stream.getAudioTracks()[0]);
      } catch (error) {
        // Tried again when another one is plugged in.
        this.#fail(error);
        navigator.mediaDevices.addEventListener("devicechange", this.#reopen, { once: true });
      }
    };

    mute(muted) {
      this.#muted = muted;
      for (const track of this.#stream?.getAudioTracks() ?? []) track.enabled = !muted;
    }

    close() {
      this.#closed = true;
      navigator.mediaDevices.removeEventListener("devicechange", this.#reopen);
      for (const track of this.#stream?.getTracks() ?? []) track.stop();
    }
  }

  // One call: its session, its microphone and its sound.
  function openCall(session, { on, words }, iceServers) {
    const sound = new Audio();
    sound.autoplay = true;
    const fail = (error) => on.failed(words.failed + error.message);
    const sender = () => session.connection.getSenders().find(({ track }) => track?.kind === "audio");
    const microphone = new Microphone((track) => sender().replaceTrack(track).catch(fail), fail);
    const end = (status) => { if (!session.isEnded()) session.terminate(status); };
    let answered = false;
    let silence = null;
    let enough = null;
    let relayed = null;

    session.on("peerconnection", ({ peerconnection }) => {
      peerconnection.addEventListener("track", ({ track }) => { sound.srcObject = new MediaStream([track]); });
      peerconnection.addEventListener("iceconnectionstatechange", () => {
        window.clearTimeout(silence);
        if (peerconnection.iceConnectionState === "disconnected") silence = window.setTimeout(() => end(), SILENT_FOR_MS);
      });
    });
    session.on("icecandidate", ({ candidate, ready }) => {
      if (iceServers.length === 0 || candidate.type === "relay") enough ??= window.setTimeout(ready, CANDIDATES_WITHIN_MS);
      else relayed ??= window.setTimeout(ready, RELAY_WITHIN_MS);
    });

    return {
      async answer() {
        if (answered) return;
        answered = true;
        let mediaStream = null;
        try {
          mediaStream = await microphone.open();
        } catch (error) {
          fail(error);
          end(UNAVAILABLE);
          return;
        }
        if (mediaStream !== null && !session.isEnded()) session.answer({ mediaStream, pcConfig: { iceServers } });
      },
      end,
      isEstablished: () => session.isEstablished(),
      // The exchange learns at which connection the call is from now on.
      refresh(contact) { if (session.isEstablished()) session.sendRequest(window.JsSIP.C.UPDATE, { extraHeaders: [`Contact: ${contact}`] }); },
      mute: (muted) => microphone.mute(muted),
      press: (keys) => session.sendDTMF(keys, { transportType: window.JsSIP.C.DTMF_TRANSPORT.RFC2833, ...KEY_MS }),
      close() {
        microphone.close();
        sound.srcObject = null;
        for (const timer of [enough, relayed, silence]) window.clearTimeout(timer);
      },
    };
  }

  window.Hotline.openTelephone = (first, page) => new Promise((resolve, reject) => {
    const { on, words, credentials } = page;
    const address = new URL(first.path, window.location.href.replace(/^http/, "ws"));
    const ua = new window.JsSIP.UA({
      sockets: new window.JsSIP.WebSocketInterface(address.href),
      uri: `sip:${first.name}@${DOMAIN}`,
      authorization_user: first.user,
      password: first.password,
      register_expires: REGISTERED_FOR_S,
      session_timers: false,
      ...RECOVERY_S,
    });
    let call = null;
    let registered = false;
    let over = false;
    let connected = true;
    // What ends the telephone: at once, or after the call.
    let ending = null;
    let renewal = null;
    let credentialsAre = "valid";
    let iceServers = first.ice_servers;

    const stop = () => {
      over = true;
      window.removeEventListener("pagehide", stop);
      window.clearTimeout(renewal);
      ua.stop();
    };
    const end = () => { if (!over) { stop(); ending(); } };
    const endWith = (report) => { ending = report; if (call === null) end(); };
    const fail = (reason) => endWith(() => { if (registered) on.closed(reason); else reject(new Error(reason)); });

    // Credentials do not last: new ones are taken in time, for the next registration.
    function renewLater({ renew_after_s: seconds }) { renewal = window.setTimeout(renew, seconds * 1000); }

    async function renew() {
      credentialsAre = "changing";
      try {
        const next = await credentials();
        ua.set("authorization_user", next.user);
        ua.set("password", next.password);
        iceServers = next.ice_servers;
        window.setTimeout(() => { credentialsAre = "valid"; }, CHANGED_WITHIN_MS);
        if (!over) renewLater(next);
      } catch {
        credentialsAre = "old";
        if (!over) renewLater({ renew_after_s: REGISTERED_FOR_S });
      }
    }

    // The exchange has answered that it knows no such name and password.
    function refused(reason) {
      if (!connected) {
        // It was restarted, and has lost the call as well.
        fail(reason);
        call?.end();
      } else if (credentialsAre === "changing") {
        window.setTimeout(() => { if (!over) ua.register(); }, AGAIN_AFTER_MS);
      } else if (credentialsAre === "old") {
        fail(reason);
      } else {
        // The operator has opened the telephone elsewhere, for which new credentials were given.
        endWith(on.replaced);
      }
    }

    ua.on("registered", () => {
      ending = null;
      if (!connected) { connected = true; call?.refresh(ua.contact); }
      if (registered) return;
      registered = true;
      renewLater(first);
      resolve({
        canType: false,
        answer: () => { on.connecting(); call?.answer(); },
        decline: () => call?.end(BUSY),
        hangUp: () => call?.end(),
        mute: (muted) => call?.mute(muted),
        press: (keys) => call?.press(keys),
      });
    });
    ua.on("disconnected", () => {
      connected = false;
      if (over) return;
      fail(words.lost);
      // What has not been answered cannot be answered any more.
      if (call !== null && !call.isEstablished()) call.end();
    });
    ua.on("registrationFailed", ({ response, cause }) => {
      if (over) return;
      if (registered && REFUSALS.includes(response?.status_code)) refused(words.failed + cause);
      else fail(words.failed + cause);
    });
    ua.on("newRTCSession", ({ originator, session }) => {
      if (originator !== "remote") return;
      if (call !== null) { session.terminate(BUSY); return; }
      const mine = openCall(session, page, iceServers);
      call = mine;
      const ended = () => {
        mine.close();
        if (call !== mine) return;
        call = null;
        on.ended();
        if (ending !== null) end();
      };
      session.on("confirmed", () => on.talking());
      session.on("ended", ended);
      session.on("failed", ended);
      on.incoming();
    });
    // The far end of a page that is closed hears of it at once.
    window.addEventListener("pagehide", stop);
    ua.start();
  });
})();
