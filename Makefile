# The same checks here as in CI, in the environment that is active.
.PHONY: check format test lock package
check: ; ruff format --check . && ruff check . && mypy && bandit -q -c pyproject.toml -r retail streamlit_app.py && python -m pytest
format: ; ruff format . && ruff check --fix .
test: ; python -m pytest
lock: ; .ci/lock
package: ; .ci/package
