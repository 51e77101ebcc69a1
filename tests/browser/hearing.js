// A microphone that says what window.heardNow() answers, base64 of a WAV file, from its start each time it is opened.
(() => {
  if (!globalThis.MediaDevices) return; // a page without a secure context has no microphone
  const real = MediaDevices.prototype.getUserMedia;
  MediaDevices.prototype.getUserMedia = async function (constraints) {
    const device = await real.call(this, constraints);
    const [track] = device.getAudioTracks();
    if (!track) return device;
    const audio = new AudioContext();
    const wav = Uint8Array.from(atob(await window.heardNow()), (letter) => letter.charCodeAt(0));
    const source = audio.createBufferSource();
    const destination = audio.createMediaStreamDestination();
    source.buffer = await audio.decodeAudioData(wav.buffer);
    source.connect(destination);
    source.start();
    return new MediaStream([spoken(destination.stream.getAudioTracks()[0], track, audio)]);
  };

  /** Our sound, under the name and with the settings of the device, which it opens and lets go of. */
  function spoken(ours, device, audio) {
    const stop = ours.stop.bind(ours);
    ours.stop = () => {
      stop();
      device.stop();
      audio.close();
    };
    ours.getSettings = () => device.getSettings();
    Object.defineProperty(ours, "label", { value: device.label });
    return ours;
  }
})();
