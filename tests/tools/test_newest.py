"""What broke on newer libraries is named, one line for each test."""

from tools import newest

REPORT = """<testsuites><testsuite>
<testcase name="test_keywords[05]" time="1">
<failure message="assert not [&#39;config: SFTConfig(old=...) does not exist&#39;]&#10;more">long</failure>
</testcase>
<testcase name="test_fine" time="1"/>
<testcase name="test_import" time="1"><error message="no module">x</error></testcase>
</testsuite></testsuites>"""


def test_each_test_that_broke_is_named_with_its_reason(tmp_path):
    (tmp_path / "report.xml").write_text(REPORT, encoding="utf-8")
    first, second = newest.broken(tmp_path / "report.xml")
    assert first.startswith("test_keywords[05]: ") and "SFTConfig(old=...) does not exist" in first
    assert second == "test_import: no module"
