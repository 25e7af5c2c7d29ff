from importlib import import_module

from django.apps import AppConfig


class AssistConfig(AppConfig):
    name = "assist"

    def ready(self) -> None:
        import_module("assist.checks")
        run_ended = import_module("directory.signals").run_ended
        run_ended.connect(import_module("assist.directory_runs").note_run)
