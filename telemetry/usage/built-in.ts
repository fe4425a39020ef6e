/**
 * Where the usage events of this build go if the environment says nothing. Boruna's own build has no such place.
 * `BORUNA_BUILD_TELEMETRY_URL=… npm run build` sets it for a distribution (`scripts/build.mjs` replaces the next line).
 */
export const BUILT_IN_URL: string | undefined = undefined;
