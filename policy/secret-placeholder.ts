/** Matches a placeholder in the value of a request header, which is replaced by the secret of that name. */
export const SECRET_PLACEHOLDER = /\{\{secret:([A-Za-z_][A-Za-z0-9_]*)\}\}/g;
