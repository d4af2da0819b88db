"""The spoken names of a spec follow from its written name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brand_catalog.catalog import Spec, SpokenName
from brand_catalog.spoken_names import Alias, derive_spoken_names, spoken_forms


def spec(number: int, name: str, pinyin: str | None = None) -> Spec:
    return Spec(
        barcode=f"{number:013d}",
        name=name,
        brand=name.split("(")[0],
        maker="",
        price_class="一类",
        pack_barcode="",
        packs_per_carton=10,
        cartons_per_case=50,
        wholesale_fen=100_00,
        wholesale_estimated=True,
        retail_fen=120_00,
        price_band=1,
        short_code=str(100 + number),
        pinyin=pinyin,
    )


def names_of(*written: str, aliases: tuple[Alias, ...] = ()) -> dict[str, SpokenName]:
    specs = [spec(number, name) for number, name in enumerate(written, 1)]
    return {name.text: name for name in derive_spoken_names(specs, aliases)}


def meant(names: dict[str, SpokenName], text: str) -> list[int]:
    return [int(barcode) for barcode in names[text].barcodes]


def test_a_name_is_said_straight_through_and_variant_first() -> None:
    names = names_of("利群(软蓝)", "黄鹤楼(天下名楼)")
    assert meant(names, "利群软蓝") == meant(names, "软蓝利群") == [1]
    assert names["利群软蓝"].kind == "spec"
    assert names["软蓝利群"].kind == "derived"


def test_a_long_variant_is_never_said_first() -> None:
    assert "恒大天青细支牡丹" not in names_of("牡丹(恒大天青细支)")


def test_the_packaging_word_may_be_left_out_where_nothing_is_lost() -> None:
    names = names_of("红塔山(硬经典)", "红塔山(新时代)")
    assert meant(names, "红塔山经典") == [1]


def test_leaving_out_the_packaging_word_is_asked_about_where_two_remain() -> None:
    names = names_of("双喜(硬经典)", "双喜(软经典)")
    assert meant(names, "双喜经典") == [1, 2]
    assert names["双喜经典"].kind == "ambiguous"


def test_a_full_name_is_never_made_ambiguous_by_a_shortened_one() -> None:
    names = names_of("云烟(软紫)", "云烟(紫)")
    assert meant(names, "云烟紫") == [2]
    assert meant(names, "云烟软紫") == [1]


def test_a_distinctive_variant_stands_alone_and_an_everyday_word_does_not() -> None:
    names = names_of("南京(炫赫门)", "黄山(记忆)", "芙蓉王(硬细支)", "黄鹤楼(3mg)")
    assert meant(names, "炫赫门") == [1]
    assert not {"记忆", "硬细支", "三毫克"} & names.keys()


def test_the_size_word_may_stand_at_either_end() -> None:
    names = names_of("云烟(细支大重九)", "云烟(中支大重九)")
    assert meant(names, "云烟大重九细支") == [1]
    assert meant(names, "云烟大重九中支") == [2]


def test_a_brand_alone_means_all_of_its_specs() -> None:
    names = names_of("玉溪(软)", "玉溪(硬)", "赣(佳品)")
    assert meant(names, "玉溪") == [1, 2]
    assert names["玉溪"].kind == "brand"
    assert "赣" not in names, "one syllable is no name"


def test_a_brands_usual_spec_comes_first_and_the_others_stay_known() -> None:
    usual = Alias("红塔山", ("0000000000002",), brand=True)
    names = names_of("红塔山(新时代)", "红塔山(硬经典)", aliases=(usual,))
    assert meant(names, "红塔山") == [2, 1]
    assert names["红塔山"].kind == "brand"


def test_an_alias_settles_what_would_be_derived_otherwise() -> None:
    names = names_of("南京(十二钗烤烟)", "南京(炫赫门)", aliases=(Alias("炫赫门", ("0000000000001",)),))
    assert meant(names, "炫赫门") == [1]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1906", {"一九零六", "幺九零六", "一千九百零六"}),
        ("777", {"三个七", "七七七", "七百七十七"}),
        ("硬15细支", {"硬十五细支"}),
        ("3mg", {"三毫克"}),
        ("75mm", {"七十五毫米"}),
        ("X", {"叉", "艾克斯"}),
        ("C位", {"西位"}),
        ("8度", {"八度"}),
        ("硬红2.0", {"硬红二点零"}),
        ("经典100", {"经典一零零", "经典幺零零", "经典一百"}),
        ("滕王阁·紫光", {"滕王阁紫光"}),
        ("1110", {"一一一零", "幺幺幺零", "一千一百一十"}),
    ],
)
def test_numbers_and_letters_are_written_as_they_are_said(written: str, said: set[str]) -> None:
    assert set(spoken_forms(written)) == said


def test_a_prescribed_reading_follows_the_characters_wherever_they_go() -> None:
    names = derive_spoken_names([spec(1, "云烟(大重九)", "yun2 yan1 da4 chong2 jiu3")])
    readings = {name.text: name.pinyin for name in names}
    assert readings["云烟大重九"] == "yun2 yan1 da4 chong2 jiu3"
    assert readings["大重九云烟"] == "da4 chong2 jiu3 yun2 yan1"
    assert readings["大重九"] == "da4 chong2 jiu3"


@settings(deadline=None)
@given(
    st.lists(
        st.builds("{}({})".format, st.text("甲乙丙丁", min_size=1, max_size=3), st.text("硬软细支金1", min_size=1)),
        unique=True,
        min_size=1,
        max_size=12,
    )
)
def test_every_full_name_means_its_own_spec_and_every_text_stands_once(written: list[str]) -> None:
    specs = [spec(number, name) for number, name in enumerate(written, 1)]
    names = derive_spoken_names(specs)
    by_text = {name.text: name for name in names}
    assert len(by_text) == len(names)
    for one in specs:
        for form in spoken_forms(one.name):
            assert one.barcode in by_text[form].barcodes
    assert all(len(set(name.barcodes)) == len(name.barcodes) for name in names)
