"""The runbooks' commands: kubectl and anime-gan know them, the manifests have what they name."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, takewhile
from pathlib import Path

import pytest

from animegan_cli.main import main
from deploy.k8s.checks.dashboards import RUNBOOKS
from deploy.k8s.checks.subject import PROJECT
from tests.requires import require_program

PAGES = sorted((PROJECT / RUNBOOKS).glob("*.md"))
ALERTS = [page for page in PAGES if page.stem != "README"]
SECTIONS = ["What it means", "What users see", "Check", "Fix", "Afterwards"]
# What is looked for in the log of a service, and what services write: log.info("words", ...).
GREP = re.compile(r"logs deploy/\w+ [^|]*\| grep (?:-\w+ )*'([^']+)'")
WORDS = re.compile(r'"([^"]+)"')
_OPERATORS = "|;&"

Command = list[str]


def lines(text: str) -> Iterator[str]:
    """Everything that is to be typed: indented, or between backticks."""
    for indented, inline in re.findall(r"^ {4,}(.*)$|`([^`\n]+)`", text, re.MULTILINE):
        yield indented or inline


def commands(text: str, program: str) -> Iterator[Command]:
    """The words of every command of a program; "x" stands for what the reader fills in."""
    for line in lines(text):
        if program in line:
            plain = re.sub(r"<[^<>]+>", "x", line.replace("$(", "; ").replace('")"', ""))
            lexer = shlex.shlex(plain, posix=True, punctuation_chars=_OPERATORS)
            lexer.whitespace_split = True
            for joins, words in groupby(lexer, lambda word: set(word) <= set(_OPERATORS)):
                command = list(words)
                if not joins and command[0] == program:
                    yield command


def all_commands(program: str) -> list[Command]:
    found = {tuple(c) for page in PAGES for c in commands(page.read_text(), program)}
    return [list(command) for command in sorted(found)]


@pytest.mark.parametrize("page", ALERTS, ids=lambda page: page.stem)
def test_a_page_says_what_to_check_and_what_to_do(page: Path):
    text = page.read_text()
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    _, check, fix = re.split(r"^## (?:Check|Fix)$", text, flags=re.MULTILINE)
    assert [*re.findall(r"^    q '", check, re.MULTILINE), *commands(check, "kubectl")]
    assert fix.strip()
    for target in re.findall(r"\]\(([\w./-]+\.md)", text):
        assert (page.parent / target).is_file(), target


def test_commands_are_found_in_lines():
    text = """
    kubectl get pods -o jsonpath='{.a|b}' | tail -3; kubectl top pod <pod of it> &
Or `kubectl cordon <node>`, not `make`."""
    assert list(commands(text, "kubectl")) == [
        ["kubectl", "get", "pods", "-o", "jsonpath={.a|b}"],
        ["kubectl", "top", "pod", "x"],
        ["kubectl", "cordon", "x"],
    ]


def test_kubectl_knows_the_commands():
    kubectl = require_program("kubectl")

    def complaint(command: Command) -> str:
        end = command.index("--") if "--" in command else len(command)
        result = subprocess.run(
            [kubectl, *command[1:end], "--help"], capture_output=True, text=True, check=False
        )
        return f"{shlex.join(command)}: {result.stderr}" if result.returncode else ""

    asked = all_commands("kubectl")
    assert len(asked) > 40
    with ThreadPoolExecutor(2) as threads:
        assert [text for text in threads.map(complaint, asked) if text] == []
    assert "unknown flag" in complaint(["kubectl", "logs", "x", "--tale=5"])


def test_kubectl_is_asked_for_what_the_manifests_have(production):
    there = {f"{one['kind'].lower()}/{one['metadata']['name']}" for one in production}
    templates = [one["spec"]["template"] for one in production if "template" in one.get("spec", {})]
    labels = {item for template in templates for item in template["metadata"]["labels"].items()}
    for command in all_commands("kubectl"):
        text = shlex.join(command).replace("deploy/", "deployment/").replace("hpa ", "hpa/")
        text = text.replace("hpa/", "horizontalpodautoscaler/")
        if "anime-gan" in command:
            for name in re.findall(r"\b(?:deployment|statefulset|\w+autoscaler)/[\w-]{2,}", text):
                assert name in there, command
            for label, value in re.findall(r"(app\.kubernetes\.io/\w+)=([\w-]+)", text):
                assert (label, value) in labels, command


def test_anime_gan_knows_the_commands(capsys):
    for command in all_commands("anime-gan"):
        with pytest.raises(SystemExit) as ended:
            main([*command[1:], "--help"])
        shown = capsys.readouterr().out
        verbs = takewhile(lambda word: word != "x" and not word.startswith("-"), command)
        assert ended.value.code == 0
        assert shown.startswith(f"usage: {' '.join(verbs)} [")
        assert [word for word in command if word.startswith("--") and word not in shown] == []


def test_what_is_looked_for_in_the_logs_of_services_is_written_there():
    program = "".join(file.read_text() for file in (PROJECT / "services").rglob("*.py"))
    written = {
        word for line in re.findall(r"log\.\w+\((.*)", program) for word in WORDS.findall(line)
    }
    looked_for = set()
    for page in PAGES:
        for pattern in GREP.findall(page.read_text()):
            looked_for |= set(pattern.replace('"event": ', "").strip('"').split("|"))
    assert "canary failed" in looked_for
    assert looked_for - written == set()
