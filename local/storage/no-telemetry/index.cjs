// Azurite loads telemetry it never uses with --disableTelemetry; the real package is 200 packages and 240 MB.
module.exports = {};
