"""Columns are recognised by their names in seven languages, and each draft loads the file that it is from."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.fakes.csv_sources import write
from tests.fakes.drafts import drafted

TILLS = {
    "en": (
        "Receipt No,Date,Time,Store,Item Code,Item Description,Department,Qty,Unit Price,Line Total,Currency,"
        "Member No,VAT",
        "R1,28/01/2024,09:30,S1,A1,Coffee,Food,2,6.49,12.98,GBP,M1,2.16",
        "R1,28/01/2024,09:30,S1,A2,Sugar,Food,3,1.29,3.87,GBP,M1,0.65",
        "R2,29/01/2024,10:05,S1,A1,Coffee,Food,4,6.49,25.96,GBP,,4.33",
    ),
    "de": (
        "Bon-Nr.;Verkaufsdatum;Uhrzeit;Filiale;Art.-Nr.;Artikelbezeichnung;Warengruppe;Anzahl;VK-Preis;Gesamtbetrag;"
        "Währung;Kunden-Nr.;MwSt",
        "R1;28.01.2024;09:30;S1;A1;Kaffee;Getränke;2;6,49;12,98;EUR;K1;0,85",
        "R1;28.01.2024;09:30;S1;A2;Zucker;Backen;3;1,29;3,87;EUR;K1;0,25",
        "R2;29.01.2024;10:05;S1;A1;Kaffee;Getränke;4;6,49;25,96;EUR;;1,70",
    ),
    "fr": (
        "N° ticket;Date de vente;Heure;Magasin;Référence;Désignation;Famille;Qté;Prix unitaire;Montant;Devise;"
        "N° client;TVA",
        "R1;28/01/2024;09:30;S1;A1;Café;Épicerie;2;6,49;12,98;EUR;C1;0,68",
        "R1;28/01/2024;09:30;S1;A2;Sucre;Épicerie;3;1,29;3,87;EUR;C1;0,20",
        "R2;29/01/2024;10:05;S1;A1;Café;Épicerie;4;6,49;25,96;EUR;;1,35",
    ),
    "es": (
        "Nº factura;Fecha;Hora;Tienda;Código de artículo;Descripción;Familia;Cantidad;Precio unitario;Importe;Moneda;"
        "Código cliente;IVA",
        "R1;28/01/2024;09:30;S1;A1;Café;Comida;2;6,49;12,98;EUR;C1;1,30",
        "R1;28/01/2024;09:30;S1;A2;Azúcar;Comida;3;1,29;3,87;EUR;C1;0,39",
        "R2;29/01/2024;10:05;S1;A1;Café;Comida;4;6,49;25,96;EUR;;2,60",
    ),
    "it": (
        "Numero scontrino;Data vendita;Ora;Negozio;Codice articolo;Descrizione;Reparto;Quantità;Prezzo unitario;"
        "Importo;Valuta;Codice cliente;IVA",
        "R1;28/01/2024;09:30;S1;A1;Caffè;Cibo;2;6,49;12,98;EUR;C1;1,30",
        "R1;28/01/2024;09:30;S1;A2;Zucchero;Cibo;3;1,29;3,87;EUR;C1;0,39",
        "R2;29/01/2024;10:05;S1;A1;Caffè;Cibo;4;6,49;25,96;EUR;;2,60",
    ),
    "pt": (
        "Número do pedido;Data da venda;Hora;Loja;Código do produto;Descrição;Categoria;Quantidade;Preço unitário;"
        "Valor total;Moeda;Código do cliente;Desconto",
        "R1;28/01/2024;09:30;S1;A1;Café;Comida;2;6,49;12,98;BRL;C1;0,00",
        "R1;28/01/2024;09:30;S1;A2;Açúcar;Comida;3;1,29;3,87;BRL;C1;0,00",
        "R2;29/01/2024;10:05;S1;A1;Café;Comida;4;6,49;25,96;BRL;;0,00",
    ),
    "nl": (
        "Bonnr;Verkoopdatum;Tijd;Filiaal;Artikelnr;Omschrijving;Productgroep;Aantal;Stukprijs;Regeltotaal;Valuta;"
        "Klantnr;BTW",
        "R1;28-01-2024;09:30;S1;A1;Koffie;Eten;2;6,49;12,98;EUR;K1;1,07",
        "R1;28-01-2024;09:30;S1;A2;Suiker;Eten;3;1,29;3,87;EUR;K1;0,32",
        "R2;29-01-2024;10:05;S1;A1;Koffie;Eten;4;6,49;25,96;EUR;;2,14",
    ),
}
"""Rows of a till, in the order of `FIELDS`, and one amount that no field has."""
FIELDS = (
    "transaction_id", "sold_at", "sold_at", "store_id", "product_id", "product_name", "product_category", "quantity",
    "unit_price", "total_amount", "currency", "customer_id",
)  # fmt: skip


@pytest.mark.parametrize("language", TILLS)
def test_every_column_of_a_till_is_recognised_in(language: str, tmp_path: Path) -> None:
    header, *rows = TILLS[language]
    found = drafted(write(tmp_path / "till.csv", "\n".join((header, *rows)) + "\n"), time_zone="Europe/London")
    names = header.split(";" if ";" in header else ",")

    assert {field: value for field, value in found.columns.items() if field != "sold_at"} == {
        field: name for field, name in zip(FIELDS, names, strict=False) if field != "sold_at"
    }
    sold_at = found.columns["sold_at"]
    assert isinstance(sold_at, dict)
    assert sold_at["columns"] == names[1:3]
    assert sold_at["format"].startswith(("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y"))
    assert found.draft.not_mapped == (names[-1],)
    assert (found.marked, len(found.draft.marks)) == ([], 1)
    assert f"the amounts of {names[-1]}" in found.draft.marks[0]


@pytest.mark.parametrize("language", TILLS)
def test_the_draft_loads_the_till_in(language: str, tmp_path: Path) -> None:
    header, *rows = TILLS[language]
    found = drafted(write(tmp_path / "till.csv", "\n".join((header, *rows)) + "\n"), time_zone="Europe/London")
    with found.loaded() as outcome:
        assert (outcome.read.landed, outcome.rejected()) == (3, [])
        assert sum(outcome.landed("net_amount")) == Decimal("42.81")
        assert outcome.landed("customer_id").count("GUEST") == 1
