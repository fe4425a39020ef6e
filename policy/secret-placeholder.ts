/** Matches `{{secret:NAME}}` in the value of a request header. The handler replaces the placeholder by the secret NAME. */
export const SECRET_PLACEHOLDER = /\{\{secret:([A-Za-z_][A-Za-z0-9_]*)\}\}/g;
