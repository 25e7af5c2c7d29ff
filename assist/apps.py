from importlib import import_module

from django.apps import AppConfig


class AssistConfig(AppConfig):
    name = "assist"

    def ready(self) -> None:
        import_module("assist.checks")
