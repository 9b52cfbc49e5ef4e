/** The version of this package; a test compares it with package.json. */
export const packageVersion = '0.1.0';

/** The official SDK whose wire behaviour we follow. Servers choose their flags by it, so it travels as `sdk_version`. */
export const protocolVersion = '0.38.0';
