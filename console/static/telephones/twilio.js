"use strict";
// The telephone of Twilio's Voice SDK, as softphone.js drives it.

window.Hotline.openTelephone = async ({ token }, { on, words, credentials }) => {
  const { Device } = window.Twilio;
  const device = new Device(token, { closeProtection: true });
  for (const sound of ["incoming", "outgoing", "disconnect"]) device.audio?.[sound](false);
  let call = null;
  let registered = false;
  // An error during a call ends the device after the call; a device that is replaced must not be left to ring as well.
  let failure = null;
  const end = () => {
    if (!registered) return;
    registered = false;
    device.destroy();
    on.closed(failure);
  };
  device.on("tokenWillExpire", () => credentials().then((next) => device.updateToken(next.token)).catch(() => {}));
  device.on("error", (error) => {
    failure = words.failed + error.message;
    if (call === null) end(); else on.failed(failure);
  });
  // The carrier ends the registration of a browser that has lost its connection for long.
  device.on("unregistered", () => { failure ??= words.lost; if (call === null) end(); });
  device.on("incoming", (incoming) => {
    if (call !== null) { incoming.reject(); return; }
    call = incoming;
    const ended = () => {
      if (call !== incoming) return;
      call = null;
      on.ended();
      if (failure !== null) end();
    };
    for (const over of ["cancel", "disconnect", "reject", "error"]) incoming.on(over, ended);
    incoming.on("accept", on.talking);
    on.incoming();
  });
  try {
    await device.register();
  } catch (error) {
    device.destroy();
    throw new Error(failure ?? words.failed + error.message);
  }
  registered = true;
  failure = null;
  return {
    canType: false,
    answer: () => call?.accept(),
    decline: () => call?.reject(),
    hangUp: () => call?.disconnect(),
    mute: (muted) => call?.mute(muted),
    press: (keys) => call?.sendDigits(keys),
  };
};
