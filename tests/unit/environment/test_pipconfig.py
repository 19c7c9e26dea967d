from __future__ import annotations

from pathlib import Path

from repropack.environment.pipconfig import pip_settings, uv_settings

LISTING = """\
global.index-url='https://index.example/simple'
global.extra-index-url='\\nfile:///nonexistent/simple\\nhttps://index.example/more'
global.cert='/etc/ssl/company.pem'
global.proxy='http://proxy.example:3128'
global.timeout='30.5'
global.trusted-host='a.example\\nb.example'
install.index-url='https://index.example/for-install'
download.index-url='https://index.example/for-download'
:env:.timeout='7'
garbage
"""


def test_the_later_section_wins() -> None:
    """As in pip: the environment over the command's section over the global one."""
    settings = pip_settings(LISTING)
    assert settings["index-url"] == "https://index.example/for-download"
    assert settings["timeout"] == "7"


def test_pips_settings_become_uvs() -> None:
    """Indexes, certificate, proxy and timeout are said in uv's words."""
    assert dict(uv_settings({}, LISTING).variables) == {
        "UV_DEFAULT_INDEX": "https://index.example/for-download",
        "UV_INDEX": "https://index.example/more",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_INSECURE_HOST": "a.example b.example",
        "UV_HTTP_TIMEOUT": "7",
        "SSL_CERT_FILE": "/etc/ssl/company.pem",
        "HTTP_PROXY": "http://proxy.example:3128",
        "HTTPS_PROXY": "http://proxy.example:3128",
    }


def test_what_is_set_for_uv_wins() -> None:
    """Who configured uv has its indexes, and pip's certificate where uv has none."""
    own = {"UV_INDEX": "https://index.example/own", "HTTPS_PROXY": "http://other.example"}
    variables = dict(uv_settings(own, LISTING).variables)
    assert not variables.keys() & {"UV_DEFAULT_INDEX", "UV_INDEX", "HTTPS_PROXY"}
    assert variables["SSL_CERT_FILE"] == "/etc/ssl/company.pem"


def test_local_places_that_are_missing_are_left_out(tmp_path: Path) -> None:
    """pip skips them with a warning, uv would fail."""
    (tmp_path / "with space").mkdir()
    (tmp_path / "wheels").mkdir()
    listing = f"global.find-links='{tmp_path}/wheels {tmp_path}/missing https://index.example/x'\n"
    listing += f"global.extra-index-url='{(tmp_path / 'with space').as_uri()}'\n"
    settings = uv_settings({}, listing)
    assert settings.find_links == (f"{tmp_path}/wheels", "https://index.example/x")
    assert dict(settings.variables)["UV_INDEX"].endswith("/with%20space")


def test_no_index_is_kept() -> None:
    """A machine that asks no index is obeyed."""
    assert uv_settings({}, ":env:.no-index='1'").no_index
    assert not uv_settings({}, ":env:.no-index='0'").no_index
    assert not uv_settings({}, "").no_index
