"""An application with one of everything that a TypeScript client has to express."""
