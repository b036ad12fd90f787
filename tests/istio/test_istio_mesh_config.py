"""The mesh's configuration is read field by field, and what does not fit is named."""

from __future__ import annotations

import pytest

from meshvm_tui.istio.mesh_config import MeshConfig, ProxySettings, compact_json, parse, proxy_config
from meshvm_tui.istio.workload_group import WorkloadGroup
from meshvm_tui.problems import PermanentError


@pytest.mark.parametrize("text", ["", "# nothing\n", "defaultConfig:\n", "{}"])
def test_an_empty_mesh(text: str) -> None:
    assert parse(text) == MeshConfig()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "line 1"),
        ("just words", "is no mapping"),
        ("trustDomain: 5", "trustDomain"),
        ("defaultConfig: 5", "defaultConfig must be a mapping"),
        ("defaultConfig: {proxyMetadata: {A: true}}", "defaultConfig.proxyMetadata.A must be a text"),
        ("defaultConfig: {concurrency: many}", "defaultConfig.concurrency must be a whole number"),
        ("defaultConfig: {concurrency: 2147483648}", "defaultConfig.concurrency"),
        ("defaultConfig: {drainDuration: 45}", "defaultConfig.drainDuration must be a duration"),
        ("defaultConfig: {interceptionMode: SIDEWAYS}", "must be one of REDIRECT, TPROXY, NONE"),
        ("defaultConfig: {holdApplicationUntilProxyStarts: 'true'}", "must be true or false"),
        ("defaultConfig: {tracing: {sampling: much}}", "defaultConfig.tracing.sampling must be a number"),
        ("defaultConfig: {tracing: {customTags: {t: {literal: 5}}}}", "defaultConfig.tracing.customTags.t.literal"),
        ("defaultConfig: {extraStatTags: a}", "defaultConfig.extraStatTags must be a list"),
    ],
)
def test_what_does_not_fit_is_named(text: str, words: str) -> None:
    with pytest.raises(PermanentError) as caught:
        parse(text, "ConfigMap istio-system/istio")
    assert caught.value.code == "MVM-506"
    assert caught.value.cause.startswith("ConfigMap istio-system/istio")
    assert words in caught.value.cause


@pytest.mark.parametrize(
    ("annotation", "words"),
    [("a: [", "line 1"), ("concurrency: x", "concurrency must be a whole number"), ("just words", "must be a mapping")],
)
def test_an_annotation_that_cannot_be_read_is_named(annotation: str, words: str) -> None:
    group = WorkloadGroup("foo", "bar", template_annotations={"proxy.istio.io/config": annotation})
    with pytest.raises(PermanentError) as caught:
        proxy_config(MeshConfig(), group, ProxySettings())
    assert caught.value.code == "MVM-511"
    assert "spec.metadata.annotations[proxy.istio.io/config]" in caught.value.cause
    assert words in caught.value.cause


def test_a_control_character_is_refused_as_istioctl_refuses_it() -> None:
    group = WorkloadGroup("foo", "bar", labels={"app": "a\x7fb"})
    with pytest.raises(PermanentError) as caught:
        proxy_config(MeshConfig(), group, ProxySettings())
    assert caught.value.code == "MVM-515"
    assert "defaultConfig.proxyMetadata.CANONICAL_SERVICE (U+007F)" in caught.value.cause


def test_the_ports_of_the_workload_as_istio_describes_them() -> None:
    group = WorkloadGroup("foo", "bar", ports={"tcp-9": 9, "tcp-10": 0, "": 80})
    config, _ = proxy_config(MeshConfig(), group, ProxySettings())
    assert config["proxyMetadata"]["ISTIO_META_POD_PORTS"] == (
        '[{"containerPort":80,"protocol":""},{"name":"tcp-10","containerPort":0,"protocol":""},'
        '{"name":"tcp-9","containerPort":9,"protocol":""}]'
    )


def test_a_oneof_keeps_its_last_choice() -> None:
    mesh = parse("defaultConfig: {serviceCluster: a}")
    group = WorkloadGroup("f", "b", annotations={"proxy.istio.io/config": "tracingServiceName: CANONICAL_NAME_ONLY"})
    config, _ = proxy_config(mesh, group, ProxySettings())
    assert "serviceCluster" not in config
    assert config["tracingServiceName"] == "CANONICAL_NAME_ONLY"


def test_an_annotation_can_take_a_value_away() -> None:
    mesh = parse("defaultConfig: {statusPort: 15021, concurrency: 2}")
    group = WorkloadGroup("f", "b", annotations={"proxy.istio.io/config": "{statusPort: 0, concurrency: 0}"})
    config, _ = proxy_config(mesh, group, ProxySettings())
    assert "statusPort" not in config
    assert config["concurrency"] == 0


def test_json_as_go_writes_it() -> None:
    assert compact_json({"b": "<&>", "a": "é\n"}) == '{"a":"é\\n","b":"\\u003c\\u0026\\u003e"}'
