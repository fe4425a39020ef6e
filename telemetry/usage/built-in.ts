/**
 * The URL to which this build posts usage events if the environment sets nothing. Boruna's own build has no such URL.
 * `BORUNA_BUILD_TELEMETRY_URL=… npm run build` sets it for a distribution (`scripts/build.mjs` replaces the value).
 */
export const BUILT_IN_URL: string | undefined = undefined;
