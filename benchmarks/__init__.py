"""Programs that measure. A package, as other projects leave packages of this name in an environment."""
