// Preloaded (`node --import`) into every child of the local environment. A parent that is killed outright cannot stop
// its children; the closing IPC channel tells them, on every platform and without polling.
process.on('disconnect', () => {
  process.exit(0);
});
// A listener for 'disconnect' would otherwise keep a child alive that has nothing left to do.
process.channel?.unref();
