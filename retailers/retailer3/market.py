"""The market of retailer 3: shops in Spanish cities."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from retailers.seeding.market import Department, Market, Store

MARKET = Market(
    retailer_id="retailer_3",
    zone=ZoneInfo("Europe/Madrid"),
    currency="EUR",
    country="ES",
    stores=(
        Store("MAD1", "Gran Vía", "Madrid", None, 10),
        Store("BCN1", "Passeig de Gràcia", "Barcelona", None, 9),
        Store("VLC1", "Colón", "Valencia", None, 5),
        Store("SVQ1", "Sierpes", "Sevilla", None, 5),
        Store("BIO1", "Casco Viejo", "Bilbao", None, 3),
        Store("AGP1", "Larios", "Málaga", None, 4),
        Store("WEB", "Tienda en línea", None, None, 9),
    ),
    cities=tuple(
        (city, "")
        for city in (
            "Madrid",
            "Barcelona",
            "Valencia",
            "Sevilla",
            "Bilbao",
            "Málaga",
            "Zaragoza",
            "A Coruña",
            "Murcia",
            "Logroño",
        )
    ),
    departments=(
        Department("Hogar", ("Lámpara", "Manta", "Marco", "Jarrón", "Espejo", "Cojín", "Alfombra"), 700, 14_000),
        Department("Cocina", ("Sartén", "Paellera", "Cuchillo", "Cafetera", "Fuente", "Mortero"), 600, 13_000),
        Department("Jardín", ("Maceta", "Regadera", "Sombrilla", "Hamaca", "Farol"), 500, 15_000, frozenset({5, 6, 7})),
        Department("Juguetes", ("Puzle", "Peluche", "Cometa", "Peonza", "Muñeca"), 400, 7_000, frozenset({12, 1})),
        Department(
            "Moda", ("Bufanda", "Abanico", "Camisa", "Alpargatas", "Bolso", "Cinturón"), 900, 16_000, frozenset({1, 7})
        ),
        Department(
            "Alimentación", ("Aceite", "Turrón", "Queso", "Miel", "Azafrán", "Jamón"), 300, 130_000, frozenset({12})
        ),
        Department("Papelería", ("Cuaderno", "Pluma", "Agenda", "Carpeta", "Lápices"), 150, 4_000, frozenset({9})),
    ),
    product_pattern="{noun} {adjective}",
    adjectives=(
        "de arce",
        "del mar",
        "clásico",
        "de la abuela",
        "gris",
        "real",
        "de olivo",
        "sur",
        "del norte",
        "ñandú",
        "azul",
        "de barro",
        "mini",
        "especial",
    ),
    product_code="A-{}",
    customer_code="K{:06d}",
    receipt_code="T{day}-{number}",
    segments=("particular", "fidelizado", "empresa", "autonomo"),
    first_names=(
        "Lucía",
        "Hugo",
        "Martina",
        "Mateo",
        "Sofía",
        "Leo",
        "Carmen",
        "Javier",
        "Paula",
        "Íñigo",
        "Elena",
        "Álvaro",
        "Begoña",
        "Jordi",
        "Nuria",
    ),
    last_names=(
        "García",
        "Fernández",
        "Muñoz",
        "López",
        "Núñez",
        "Pérez",
        "Ibáñez",
        "Ruiz",
        "Etxeberria",
        "Puig",
        "Ortega",
        "Castro",
        "Vidal",
        "Serrano",
    ),
    weekdays=(0.9, 0.88, 0.93, 0.98, 1.18, 1.45, 0.68),
    months=(1.12, 0.9, 0.92, 0.95, 0.97, 1.0, 1.1, 0.85, 0.93, 0.95, 1.08, 1.23),
    guest_share=0.35,
    products_per_department=42,
)
